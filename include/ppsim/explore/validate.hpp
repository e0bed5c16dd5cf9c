/// A table of measured runs, each predicted by simulating it.
#pragma once

#include <span>
#include <vector>

#include "ppsim/io/csv_table.hpp"
#include "ppsim/io/validation_spec.hpp"
#include "ppsim/io/validation_text.hpp"

namespace ppsim {

/// A table's rows as a spec describes them, ready to be predicted again and again.
struct DescribedTable {
  const ValidationSpec* spec;
  const CsvTable* table;
  std::vector<RowDescription> rows;  ///< [rows of the table]
};

/// Throws Error for a column that is missing and a cell that should be a number.
[[nodiscard]] DescribedTable describe_table(const ValidationSpec& spec, const CsvTable& table);

/// Predicts every row that can be described, on `threads` threads (0: as many as the machine has); what is no
/// legal run is skipped with its reason. `more` is put into every config: parameters to try. The result is
/// the same for any number of threads.
[[nodiscard]] Validation validate(const DescribedTable& described, std::span<const Override> more = {},
                                  unsigned threads = 0);

}  // namespace ppsim
