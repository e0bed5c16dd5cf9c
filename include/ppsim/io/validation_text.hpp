/// A table of measured runs held against what is predicted, for people and for programs.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/io/csv_table.hpp"
#include "ppsim/io/scatter_svg.hpp"
#include "ppsim/io/validation_spec.hpp"
#include "ppsim/metrics/accuracy.hpp"

namespace ppsim {

/// One figure of memory, bytes.
struct MemoryError {
  double measured = 0;
  double predicted = 0;

  [[nodiscard]] double error() const { return predicted / measured - 1; }
};

/// A row that was predicted.
struct PredictedRow {
  std::size_t row = 0;             ///< of the table
  Time predicted{};                ///< the step
  std::optional<double> measured;  ///< nanoseconds; empty: it did not run, or nobody says how long
  std::optional<double> ratio;     ///< predicted, to the reference row; 0: it has none; see
                                   ///< ValidationSpec::relative
  std::optional<double> measured_ratio;
  std::vector<MemoryError> memory;  ///< by ValidationSpec::memory, those that the row states
  Bytes peak;                       ///< predicted: what the fullest GPU has taken
  std::optional<bool> fits;         ///< predicted; empty: the capacity is not known
  bool ran = true;                  ///< measured: false where it was out of memory

  /// Of the ratio where there is one, else of the time; empty where nothing was measured.
  [[nodiscard]] std::optional<double> error() const;
};

struct SkippedRow {
  std::size_t row = 0;
  std::string reason;
};

struct Validation {
  std::string spec, table;  ///< paths
  std::size_t table_rows = 0;
  std::vector<PredictedRow> rows;   ///< in the table's order
  std::vector<SkippedRow> skipped;  ///< likewise
};

/// Of all rows that have an error, and of all figures of memory.
[[nodiscard]] Accuracy time_accuracy(const Validation& validation);
[[nodiscard]] Accuracy memory_accuracy(const Validation& validation);
[[nodiscard]] MemoryVerdicts memory_verdicts(const Validation& validation);

/// By the cells of a column, in the order in which they come.
[[nodiscard]] std::vector<std::pair<std::string, Accuracy>> accuracy_by(const Validation& validation,
                                                                        const CsvTable& table,
                                                                        const std::string& column);

/// A row's cells in the spec's label columns: "tp 2, pp 4".
[[nodiscard]] std::string row_label(const ValidationSpec& spec, const CsvTable& table, std::size_t row);

/// Points by the spec's `colour` column, where it names one.
[[nodiscard]] Scatter validation_scatter(const Validation& validation, const ValidationSpec& spec,
                                         const CsvTable& table);

/// `group_by`: a column; empty: none. Says the error of each row where `every_row`.
[[nodiscard]] std::string validation_table(const Validation& validation, const ValidationSpec& spec,
                                           const CsvTable& table, const std::string& group_by,
                                           bool every_row);
[[nodiscard]] std::string validation_json(const Validation& validation, const ValidationSpec& spec,
                                          const CsvTable& table, const std::string& group_by);

}  // namespace ppsim
