/// A table of measured runs held against what is predicted, for people and for programs.
#pragma once

#include <cstddef>
#include <string>

#include "explore/validate/validate.hpp"
#include "input/table/validation_spec.hpp"
#include "output/picture/scatter_svg.hpp"
#include "text/csv_table.hpp"

namespace ppsim {

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
