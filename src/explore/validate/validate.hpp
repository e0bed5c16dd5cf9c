/// A table of measured runs, each predicted by simulating it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "input/table/validation_spec.hpp"
#include "metrics/accuracy.hpp"
#include "ppsim/core/units.hpp"
#include "text/csv_table.hpp"

namespace ppsim {

/// A table's rows as a spec describes them, ready to be predicted again and again.
struct DescribedTable {
  const ValidationSpec* spec;
  const CsvTable* table;
  std::vector<RowDescription> rows;  ///< [rows of the table]
};

/// Throws Error for a column that is missing and a cell that should be a number.
[[nodiscard]] DescribedTable describe_table(const ValidationSpec& spec, const CsvTable& table);

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
  bool relative = false;           ///< the spec compares ratios: see ValidationSpec::relative
  std::optional<double> ratio;     ///< predicted, to the reference row; empty: the row has none
  std::optional<double> measured_ratio;
  std::vector<MemoryError> memory;   ///< by ValidationSpec::memory, those that the row states
  Bytes peak;                        ///< predicted: what the fullest GPU has taken
  std::optional<bool> fits;          ///< predicted; empty: the capacity is not known
  bool ran = true;                   ///< measured: false where it was out of memory
  std::vector<std::string> notes{};  ///< of its config

  /// Of the ratio where the spec compares ratios, else of the time; empty where nothing was measured, and
  /// where a ratio has no reference row.
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

/// Predicts every row that can be described, on `threads` threads (0: as many as the machine has); what is no
/// legal run is skipped with its reason. `more` is put into every config: parameters to try. The result is
/// the same for any number of threads.
[[nodiscard]] Validation validate(const DescribedTable& described, std::span<const Override> more = {},
                                  unsigned threads = 0);

/// Of all rows that have an error, and of all figures of memory.
[[nodiscard]] Accuracy time_accuracy(const Validation& validation);
[[nodiscard]] Accuracy memory_accuracy(const Validation& validation);
[[nodiscard]] MemoryVerdicts memory_verdicts(const Validation& validation);

/// By the cells of a column, in the order in which they come.
[[nodiscard]] std::vector<std::pair<std::string, Accuracy>> accuracy_by(const Validation& validation,
                                                                        const CsvTable& table,
                                                                        const std::string& column);

}  // namespace ppsim
