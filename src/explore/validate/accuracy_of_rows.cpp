// How far off the rows of a validation are.
#include <map>

#include "explore/validate/validate.hpp"

namespace ppsim {
namespace {

std::vector<double> errors_of(const Validation& validation) {
  std::vector<double> errors;
  for (const PredictedRow& row : validation.rows)
    if (const auto error = row.error()) errors.push_back(*error);
  return errors;
}

}  // namespace

std::optional<double> PredictedRow::error() const {
  if (relative) return ratio && measured_ratio ? std::optional(*ratio / *measured_ratio - 1) : std::nullopt;
  if (!measured) return std::nullopt;
  return static_cast<double>(predicted.count()) / *measured - 1;
}

Accuracy time_accuracy(const Validation& validation) {
  return accuracy_of(errors_of(validation));
}

Accuracy memory_accuracy(const Validation& validation) {
  std::vector<double> errors;
  for (const PredictedRow& row : validation.rows)
    for (const MemoryError& memory : row.memory) errors.push_back(memory.error());
  return accuracy_of(errors);
}

MemoryVerdicts memory_verdicts(const Validation& validation) {
  MemoryVerdicts verdicts;
  for (const PredictedRow& row : validation.rows)
    if (row.fits) verdicts.add(*row.fits, row.ran);
  return verdicts;
}

std::vector<std::pair<std::string, Accuracy>> accuracy_by(const Validation& validation, const CsvTable& table,
                                                          const std::string& column) {
  const std::size_t place = table.column(column);
  std::vector<std::string> cells;
  std::map<std::string, std::vector<double>> errors;
  for (const PredictedRow& row : validation.rows) {
    const std::optional<double> error = row.error();
    if (!error) continue;
    const std::string& cell = table.rows[row.row][place];
    if (!errors.contains(cell)) cells.push_back(cell);
    errors[cell].push_back(*error);
  }
  std::vector<std::pair<std::string, Accuracy>> groups;
  for (const std::string& cell : cells) groups.emplace_back(cell, accuracy_of(errors[cell]));
  return groups;
}

}  // namespace ppsim
