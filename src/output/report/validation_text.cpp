#include "output/report/validation_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "output/labels.hpp"
#include "output/schema_versions.hpp"
#include "ppsim/core/version.hpp"
#include "text/json_text.hpp"
#include "text/table.hpp"

namespace ppsim {
namespace {

constexpr std::size_t kWorst = 10;

std::string milliseconds(double ns) {
  return fmt::format("{:.1f}", ns / 1e6);
}

std::string rows_table(const std::vector<const PredictedRow*>& rows, const ValidationSpec& spec,
                       const CsvTable& table) {
  const bool ratios = spec.relative.has_value();
  Table text({{"line"}, {"configuration", Align::Left}, {"predicted"}, {"measured"}, {"error"}});
  for (const PredictedRow* row : rows) {
    if (!row->error()) continue;
    text.add_row({std::to_string(table.lines[row->row]), row_label(spec, table, row->row),
                  ratios ? fmt::format("{:.4f}", *row->ratio)
                         : milliseconds(static_cast<double>(row->predicted.count())),
                  ratios ? fmt::format("{:.4f}", *row->measured_ratio) : milliseconds(*row->measured),
                  signed_percent(*row->error())});
  }
  return text.text();
}

std::vector<const PredictedRow*> all_rows(const Validation& validation) {
  std::vector<const PredictedRow*> rows;
  for (const PredictedRow& row : validation.rows) rows.push_back(&row);
  return rows;
}

// Those with the largest errors, the largest first; of equal ones the first of the table.
std::vector<const PredictedRow*> worst_rows(const Validation& validation) {
  std::vector<const PredictedRow*> rows = all_rows(validation);
  std::erase_if(rows, [](const PredictedRow* row) { return !row->error(); });
  std::stable_sort(rows.begin(), rows.end(), [](const PredictedRow* a, const PredictedRow* b) {
    return std::abs(*a->error()) > std::abs(*b->error());
  });
  if (rows.size() > kWorst) rows.resize(kWorst);
  return rows;
}

void add_accuracy(Table& table, const std::string& name, const Accuracy& accuracy) {
  table.add_row({name, std::to_string(accuracy.count), fine_percent(accuracy.mean_absolute),
                 signed_percent(accuracy.bias), fine_percent(accuracy.p50), fine_percent(accuracy.p95),
                 fine_percent(accuracy.largest)});
}

std::string accuracy_table(const Validation& validation, const ValidationSpec& spec, const CsvTable& table,
                           const std::string& group_by) {
  Table text({{"", Align::Left}, {"rows"}, {"MAPE"}, {"bias"}, {"p50"}, {"p95"}, {"largest"}});
  const Accuracy time = time_accuracy(validation);
  if (time.count > 0) add_accuracy(text, spec.relative ? "ratio" : "step time", time);
  if (const Accuracy memory = memory_accuracy(validation); memory.count > 0)
    add_accuracy(text, "memory", memory);
  if (!group_by.empty())
    for (const auto& [cell, accuracy] : accuracy_by(validation, table, group_by))
      add_accuracy(text, fmt::format("{} {}", group_by, cell.empty() ? "(empty)" : cell), accuracy);
  return text.text();
}

std::string verdicts_table(const MemoryVerdicts& verdicts) {
  Table text({{"memory verdicts", Align::Left}, {"predicted: fits"}, {"too large"}});
  text.add_row({"ran", std::to_string(verdicts.fits_and_ran), std::to_string(verdicts.too_large_but_ran)});
  text.add_row({"out of memory", std::to_string(verdicts.fits_but_failed),
                std::to_string(verdicts.too_large_and_failed)});
  return fmt::format("{}{} of {} right ({:.1f} %)\n", text.text(), verdicts.right(), verdicts.count(),
                     100.0 * static_cast<double>(verdicts.right()) / static_cast<double>(verdicts.count()));
}

bool has_failures(const Validation& validation) {
  return std::any_of(validation.rows.begin(), validation.rows.end(),
                     [](const PredictedRow& row) { return !row.ran; });
}

// Reasons with how many rows they hold for, in the order in which they come.
std::vector<std::pair<std::string, std::size_t>> reasons(const Validation& validation) {
  std::vector<std::pair<std::string, std::size_t>> counts;
  for (const SkippedRow& row : validation.skipped) {
    const auto found = std::find_if(counts.begin(), counts.end(),
                                    [&](const auto& count) { return count.first == row.reason; });
    if (found == counts.end())
      counts.emplace_back(row.reason, 1);
    else
      ++found->second;
  }
  return counts;
}

std::string skipped_text(const Validation& validation) {
  if (validation.skipped.empty()) return "";
  std::string text =
      fmt::format("\nskipped: {} of {} rows\n", validation.skipped.size(), validation.table_rows);
  for (const auto& [reason, count] : reasons(validation)) text += fmt::format("  {:4}  {}\n", count, reason);
  return text;
}

// Of no row there is no error, and not one of 0.
Json accuracy_json(const Accuracy& accuracy) {
  const auto percent_or_null = [&](double share) {
    return accuracy.count > 0 ? Json(rounded_percent(share)) : Json(nullptr);
  };
  return {{"rows", accuracy.count},
          {"mape_percent", percent_or_null(accuracy.mean_absolute)},
          {"bias_percent", percent_or_null(accuracy.bias)},
          {"p50_percent", percent_or_null(accuracy.p50)},
          {"p95_percent", percent_or_null(accuracy.p95)},
          {"max_error_percent", percent_or_null(accuracy.largest)}};
}

Json row_json(const PredictedRow& row, const ValidationSpec& spec, const CsvTable& table) {
  Json json = {{"line", table.lines[row.row]}};
  Json cells = Json::object();
  for (const std::string& column : spec.labels) cells[column] = table.rows[row.row][table.column(column)];
  json["cells"] = std::move(cells);
  json["predicted_ms"] = static_cast<double>(row.predicted.count()) / 1e6;
  json["measured_ms"] = row.measured ? Json(*row.measured / 1e6) : Json(nullptr);
  if (row.ratio) json["predicted_ratio"] = *row.ratio;
  if (row.measured_ratio) json["measured_ratio"] = *row.measured_ratio;
  const std::optional<double> error = row.error();
  json["error_percent"] = error ? Json(rounded_percent(*error)) : Json(nullptr);
  json["peak_memory_bytes"] = row.peak.count();
  if (row.fits) json["fits"] = *row.fits;
  json["ran"] = row.ran;
  for (const MemoryError& memory : row.memory)
    json["memory"].push_back({{"predicted_bytes", memory.predicted},
                              {"measured_bytes", memory.measured},
                              {"error_percent", rounded_percent(memory.error())}});
  return json;
}

Json groups_json(const Validation& validation, const CsvTable& table, const std::string& column) {
  Json groups = Json::array();
  for (const auto& [cell, accuracy] : accuracy_by(validation, table, column)) {
    Json group = {{"cell", cell}};
    group.update(accuracy_json(accuracy));
    groups.push_back(std::move(group));
  }
  return groups;
}

Json verdicts_json(const MemoryVerdicts& verdicts) {
  return {{"rows", verdicts.count()},
          {"right", verdicts.right()},
          {"fits_and_ran", verdicts.fits_and_ran},
          {"fits_but_failed", verdicts.fits_but_failed},
          {"too_large_but_ran", verdicts.too_large_but_ran},
          {"too_large_and_failed", verdicts.too_large_and_failed}};
}

}  // namespace

std::string row_label(const ValidationSpec& spec, const CsvTable& table, std::size_t row) {
  std::string label;
  for (const std::string& column : spec.labels) {
    const std::string& cell = table.rows[row][table.column(column)];
    label += fmt::format("{}{} {}", label.empty() ? "" : ", ", column, cell.empty() ? "-" : cell);
  }
  return label;
}

Scatter validation_scatter(const Validation& validation, const ValidationSpec& spec, const CsvTable& table) {
  Scatter scatter{std::filesystem::path(validation.spec).stem().string(), {}, spec.relative ? "" : "ms"};
  for (const PredictedRow& row : validation.rows) {
    if (!row.error()) continue;
    const std::string category =
        spec.colour ? fmt::format("{} {}", *spec.colour, table.rows[row.row][table.column(*spec.colour)])
                    : "";
    const double measured = spec.relative ? *row.measured_ratio : *row.measured / 1e6;
    scatter.points.push_back(
        {measured, measured * (1 + *row.error()), category, row_label(spec, table, row.row)});
  }
  return scatter;
}

std::string validation_table(const Validation& validation, const ValidationSpec& spec, const CsvTable& table,
                             const std::string& group_by, bool every_row) {
  std::string text = fmt::format("{} by {}\n\n", validation.table, validation.spec);
  if (every_row) text += rows_table(all_rows(validation), spec, table) + "\n";
  text += accuracy_table(validation, spec, table, group_by);
  if (has_failures(validation)) text += "\n" + verdicts_table(memory_verdicts(validation));
  if (!worst_rows(validation).empty())
    text += "\nlargest errors\n" + rows_table(worst_rows(validation), spec, table);
  return text + skipped_text(validation);
}

std::string validation_json(const Validation& validation, const ValidationSpec& spec, const CsvTable& table,
                            const std::string& group_by) {
  Json json = {{"ppsim_version", version()},
               {"schema_version", kValidationSchema},
               {"spec", validation.spec},
               {"table", validation.table},
               {"table_rows", validation.table_rows}};
  json.update(accuracy_json(time_accuracy(validation)));
  if (const Accuracy memory = memory_accuracy(validation); memory.count > 0)
    json["memory"] = accuracy_json(memory);
  if (has_failures(validation)) json["memory_verdicts"] = verdicts_json(memory_verdicts(validation));
  if (!group_by.empty()) json["groups"] = groups_json(validation, table, group_by);
  json["predictions"] = Json::array();
  for (const PredictedRow& row : validation.rows) json["predictions"].push_back(row_json(row, spec, table));
  json["skipped"] = Json::array();
  for (const SkippedRow& row : validation.skipped)
    json["skipped"].push_back({{"line", table.lines[row.row]}, {"reason", row.reason}});
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ppsim
