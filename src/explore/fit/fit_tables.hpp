/// Parameters of a machine fitted to tables of measured runs.
#pragma once

#include <string>
#include <vector>

#include "explore/fit/fit.hpp"
#include "explore/validate/validate.hpp"
#include "metrics/parameter_fit.hpp"

namespace ppsim {

/// A fit of a spec's parameters to tables.
struct TableFit {
  FitResult fit;
  std::vector<Override> values;    ///< of the parameters, as the cluster file gets them
  std::vector<std::string> names;  ///< [tables] paths
};

/// Fits what the first table's spec names to the rows of all tables that run on its cluster and have a
/// measured time. Rows with equal configs are one group of the cross-validation. Requires that
/// the first spec has `fit`. Throws Error where a parameter has no present value within its range, or no row
/// counts.
[[nodiscard]] TableFit fit_tables(const std::vector<DescribedTable>& tables, const FitOptions& options,
                                  unsigned threads = 0);

}  // namespace ppsim
