/// Parameters of a machine fitted to tables of measured runs.
#pragma once

#include <vector>

#include "ppsim/explore/fit.hpp"
#include "ppsim/explore/validate.hpp"
#include "ppsim/io/fit_text.hpp"

namespace ppsim {

/// Fits what the first table's spec names to the rows of all tables that run on its cluster and have a
/// measured time. Rows with equal configs are one group of the cross-validation. Requires that
/// the first spec has `fit`. Throws Error where a parameter has no present value within its range, or no row
/// counts.
[[nodiscard]] TableFit fit_tables(const std::vector<DescribedTable>& tables, const FitOptions& options,
                                  unsigned threads = 0);

}  // namespace ppsim
