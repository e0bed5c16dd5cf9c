/// Fitted parameters, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "ppsim/io/validation_spec.hpp"
#include "ppsim/metrics/parameter_fit.hpp"

namespace ppsim {

/// A fit of a spec's parameters to tables.
struct TableFit {
  FitResult fit;
  std::vector<Override> values;    ///< of the parameters, as the cluster file gets them
  std::vector<std::string> names;  ///< [tables] paths
};

[[nodiscard]] std::string fit_table(const TableFit& fit, const std::vector<ParameterRange>& ranges);
[[nodiscard]] std::string fit_json(const TableFit& fit, const std::vector<ParameterRange>& ranges);

/// Where the values come from, for the cluster's source: "Fitted on a.csv, 191 rows: ...".
[[nodiscard]] std::string fit_note(const TableFit& fit, const std::vector<ParameterRange>& ranges);

}  // namespace ppsim
