/// A table of measured runs and what it says: which column is which part of a config, what was measured.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ppsim/core/enum_names.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/input/config/config.hpp"
#include "text/csv_table.hpp"
#include "text/expression.hpp"
#include "text/quantity_unit.hpp"

namespace ppsim {

/// What is measured of a step: its time in seconds, or work a second. Model FLOPs: without recomputation.
enum class MeasuredUnit : std::uint8_t { Time, TokensPerSecond, SamplesPerSecond, ModelFlops };

struct MeasuredColumn {
  std::string column;
  MeasuredUnit unit = MeasuredUnit::Time;
  double factor = 1;     ///< seconds of one, or what one second has of the rate
  bool per_gpu = false;  ///< a rate of each GPU
};

/// Of which ranks the largest is taken.
enum class MemoryOf : std::uint8_t { AllRanks, FirstRank, LastRank };
template <>
inline constexpr auto kEnumNames<MemoryOf> = enum_names<MemoryOf>({{MemoryOf::AllRanks, "all"},
                                                                   {MemoryOf::FirstRank, "first"},
                                                                   {MemoryOf::LastRank, "last"}});

/// What of a GPU's memory was measured.
enum class MemoryPart : std::uint8_t {
  Reserved,     ///< all, with the allocator's margin and what the runtime takes
  Allocated,    ///< all that is allocated
  Activations,  ///< kept from forwards to backwards
  Static        ///< weights, gradients, optimizer state and buffers
};
template <>
inline constexpr auto kEnumNames<MemoryPart> = enum_names<MemoryPart>({{MemoryPart::Reserved, "reserved"},
                                                                       {MemoryPart::Allocated, "allocated"},
                                                                       {MemoryPart::Activations,
                                                                        "activations"},
                                                                       {MemoryPart::Static, "static"}});

struct MemoryColumn {
  std::string column;
  double unit = 1;  ///< bytes
  MemoryOf of = MemoryOf::AllRanks;
  MemoryPart part = MemoryPart::Reserved;
};

/// What a cell says: a value for its rule's pointer, overrides, or why its row cannot be predicted.
struct CellMeaning {
  std::optional<std::string> value;
  std::vector<Override> sets;
  std::string skip;
};

/// How the cells of a column become a part of the config.
struct ColumnRule {
  std::string column;
  std::string pointer;  ///< where a cell's value goes; empty: only what `values` sets
  std::string unit;     ///< put behind the cell
  std::string presets;  ///< a folder: the cell is the name of one of its files; empty: it is the value
  std::vector<std::pair<std::string, CellMeaning>> values;   ///< by cell, "*": any other; empty: any cell
  std::vector<std::pair<std::string, CellMeaning>> options;  ///< by what stands in brackets behind a name
  std::string where;                                         ///< in the spec
};

/// A value that is computed from several columns.
struct ComputedValue {
  std::string pointer;
  Expression expression;
  QuantityUnit unit;
  bool optional = false;  ///< a row that does not state a column keeps what it has; else it is skipped
  std::string where;
};

/// Rows by what became of them; rows of any other status are skipped.
struct StatusColumn {
  std::string column;
  std::vector<std::string> measured;
  std::vector<std::string> out_of_memory;
};

/// Ratios: each row is held against the row with the cells `reference` among those with equal cells in `by`.
struct RelativeTo {
  std::vector<std::pair<std::string, std::string>> reference;  ///< column, cell
  std::vector<std::string> by;                                 ///< columns
};

/// A parameter of the machine to be fitted: a number, or a quantity with its unit.
struct ParameterRange {
  std::string pointer;  ///< "/cluster/nvlink/latency"
  QuantityUnit unit;
  double least = 0, most = 0;
  std::optional<double> start;  ///< its default; empty: what stands in the cluster's file
  bool whole = false;           ///< of whole numbers
  bool logarithmic = false;     ///< its scale is one of ratios
};

/// What `ppsim fit` looks for: parameters of one cluster file, from the rows that run on it.
struct FitSpec {
  std::string cluster;  ///< as the spec's config or its rules name it; empty: rows on any
  std::vector<ParameterRange> parameters;
};

struct ValidationSpec {
  std::string path;
  std::vector<ColumnRule> columns;
  std::vector<ComputedValue> computed;
  std::optional<StatusColumn> status;
  std::vector<MeasuredColumn> measured;  ///< the first that a row has counts
  std::vector<MemoryColumn> memory;
  bool span = false;  ///< a step takes the longest time that a rank needs, where ranks step one by one;
  std::optional<std::pair<std::string, std::string>>
      makespan_where;                 ///< but not rows with this column and cell
  std::vector<std::string> labels;    ///< columns that tell rows apart
  std::optional<std::string> colour;  ///< column of --plot
  std::optional<RelativeTo> relative;
  std::optional<FitSpec> fit;
};

/// Reads `path`. Throws Error (where: "FILE#/json/pointer").
[[nodiscard]] ValidationSpec read_validation_spec(const std::string& path);

/// Throws Error (where: the table's path) where the spec names a column that the table has not.
void check_columns(const ValidationSpec& spec, const CsvTable& table);

/// A row turned into a run.
struct RowDescription {
  std::vector<Override> overrides;  ///< of the spec's config
  std::string skip;                 ///< why it cannot be described; empty: it can
  bool out_of_memory = false;
};

/// What `row` of the table runs. Cells that the rules do not know, and empty ones that are needed, are
/// reasons to skip it.
[[nodiscard]] RowDescription describe_row(const ValidationSpec& spec, const CsvTable& table, std::size_t row);

/// The spec's config with a row's overrides, then `more`. Throws Error as load_config does.
[[nodiscard]] Config row_config(const ValidationSpec& spec, const RowDescription& row,
                                std::span<const Override> more = {});

/// The cell's number; empty for an empty cell. Throws Error (where: "table, line N") for anything else.
[[nodiscard]] std::optional<double> number_in(const CsvTable& table, std::size_t row,
                                              std::string_view column);

/// As --set takes it: "12.5 us".
[[nodiscard]] std::string parameter_text(const ParameterRange& parameter, double value);

}  // namespace ppsim
