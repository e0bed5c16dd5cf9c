/// Fitted parameters, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "explore/fit/fit_tables.hpp"
#include "input/table/validation_spec.hpp"

namespace ppsim {

[[nodiscard]] std::string fit_table(const TableFit& fit, const std::vector<ParameterRange>& ranges);
[[nodiscard]] std::string fit_json(const TableFit& fit, const std::vector<ParameterRange>& ranges);

/// Where the values come from, for the cluster's source: "Fitted on a.csv, 191 rows: ...".
[[nodiscard]] std::string fit_note(const TableFit& fit, const std::vector<ParameterRange>& ranges);

}  // namespace ppsim
