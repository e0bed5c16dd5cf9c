#include "output/report/fit_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <filesystem>

#include "output/labels.hpp"
#include "output/schema_versions.hpp"
#include "ppsim/core/version.hpp"
#include "text/json_text.hpp"
#include "text/table.hpp"

namespace ppsim {
namespace {

constexpr double kCorrelated = 0.9;

std::string_view verdict_text(FitVerdict verdict) {
  constexpr std::array<std::string_view, 3> kTexts = {"told", "ambiguous", "not told: left at its default"};
  return kTexts.at(static_cast<std::size_t>(verdict));
}

std::string fit_error_text(const std::optional<double>& error) {
  return error ? fmt::format("{:.3g}", *error) : "-";
}

std::string parameters_table(const TableFit& fit, const std::vector<ParameterRange>& ranges) {
  Table table({{"parameter", Align::Left},
               {"value"},
               {"std. error"},
               {"jackknife"},
               {"+-1 % costs"},
               {"+-10 % costs"},
               {"range", Align::Left},
               {"the rows say", Align::Left}});
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const FittedParameter& one = fit.fit.parameters[i];
    const bool at_bound = one.value == ranges[i].least || one.value == ranges[i].most;
    table.add_row({one.name, fit.values[i].value, fit_error_text(one.standard_error),
                   fit_error_text(one.jackknife_error), signed_percent(one.sensitivity.one_percent),
                   signed_percent(one.sensitivity.ten_percent),
                   fmt::format("{:g} .. {:g}", ranges[i].least, ranges[i].most),
                   fmt::format("{}{}", verdict_text(one.verdict), at_bound ? ", at its bound" : "")});
  }
  return table.text();
}

std::vector<std::string> error_cells(const std::string& name, const FitErrors& errors,
                                     const FitErrors* held) {
  return {name,
          std::to_string(errors.samples),
          fine_percent(errors.mean_absolute),
          signed_percent(errors.bias),
          held != nullptr ? fine_percent(held->mean_absolute) : "-",
          held != nullptr ? signed_percent(held->bias) : "-"};
}

std::string errors_table(const TableFit& fit) {
  Table table({{"table", Align::Left}, {"rows"}, {"MAPE"}, {"bias"}, {"held out"}, {"bias"}});
  const auto& held = fit.fit.held_out;
  for (std::size_t i = 0; i < fit.names.size(); ++i)
    table.add_row(error_cells(fit.names[i], fit.fit.errors.tables[i], held ? &held->tables[i] : nullptr));
  if (fit.names.size() > 1)
    table.add_row(error_cells("all", fit.fit.errors.overall, held ? &held->overall : nullptr));
  return table.text();
}

std::string correlations_text(const FitResult& fit) {
  std::string text;
  for (std::size_t i = 0; i < fit.correlation.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (std::abs(fit.correlation[i][j]) >= kCorrelated)
        text += fmt::format("  {:+.3f}  {}  {}\n", fit.correlation[i][j], fit.parameters[j].name,
                            fit.parameters[i].name);
  return text.empty() ? "" : fmt::format("\ncorrelations of {:g} and more\n{}", kCorrelated, text);
}

Json errors_json(const FitErrors& errors) {
  return {{"rows", errors.samples},
          {"mape_percent", rounded_percent(errors.mean_absolute)},
          {"bias_percent", rounded_percent(errors.bias)}};
}

Json finite_or_null(const std::optional<double>& number) {
  return number ? Json(*number) : Json(nullptr);
}

}  // namespace

std::string fit_table(const TableFit& fit, const std::vector<ParameterRange>& ranges) {
  return fmt::format("{}\n{}{}\n{} predictions{}\n", parameters_table(fit, ranges), errors_table(fit),
                     correlations_text(fit.fit), fit.fit.predictions,
                     fit.fit.converged ? "" : "; the limit ended the search before it converged");
}

std::string fit_json(const TableFit& fit, const std::vector<ParameterRange>& ranges) {
  Json json = {{"ppsim_version", version()},
               {"schema_version", kFitSchema},
               {"predictions", fit.fit.predictions},
               {"converged", fit.fit.converged}};
  json.update(errors_json(fit.fit.errors.overall));
  if (fit.fit.held_out) json["held_out"] = errors_json(fit.fit.held_out->overall);
  json["tables"] = Json::array();
  for (std::size_t i = 0; i < fit.names.size(); ++i) {
    Json table = {{"table", fit.names[i]}};
    table.update(errors_json(fit.fit.errors.tables[i]));
    if (fit.fit.held_out) table["held_out"] = errors_json(fit.fit.held_out->tables[i]);
    json["tables"].push_back(std::move(table));
  }
  json["parameters"] = Json::array();
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const FittedParameter& one = fit.fit.parameters[i];
    json["parameters"].push_back(
        {{"pointer", one.name},
         {"value", fit.values[i].value},
         {"told", one.verdict != FitVerdict::Unidentified},
         {"verdict", verdict_text(one.verdict)},
         {"standard_error", finite_or_null(one.standard_error)},
         {"jackknife_error", finite_or_null(one.jackknife_error)},
         {"one_percent_costs_percent", rounded_percent(one.sensitivity.one_percent)},
         {"ten_percent_costs_percent", rounded_percent(one.sensitivity.ten_percent)}});
  }
  json["correlation"] = fit.fit.correlation;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string fit_note(const TableFit& fit, const std::vector<ParameterRange>& ranges) {
  std::vector<std::string> tables, names;
  for (std::size_t i = 0; i < fit.names.size(); ++i)
    tables.push_back(fmt::format("{} ({} rows)", std::filesystem::path(fit.names[i]).filename().string(),
                                 fit.fit.errors.tables[i].samples));
  for (std::size_t i = 0; i < ranges.size(); ++i)
    if (fit.fit.parameters[i].verdict != FitVerdict::Unidentified)
      names.push_back(ranges[i].pointer.substr(std::string_view("/cluster/").size()));
  return fmt::format("Fitted on {}: {}.", fmt::join(tables, ", "), fmt::join(names, ", "));
}

}  // namespace ppsim
