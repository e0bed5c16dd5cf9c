#include "output/report/calibration_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "metrics/prediction.hpp"
#include "output/labels.hpp"
#include "output/schema_versions.hpp"
#include "ppsim/core/version.hpp"
#include "text/json_text.hpp"
#include "text/quantity.hpp"
#include "text/table.hpp"

namespace ppsim {
namespace {

// A step is never measured as 0.
double error_or_zero(Time predicted, Time measured) {
  return relative_error(predicted, measured).value_or(0);
}

std::string jitter_text(const Spread& spread) {
  if (const auto* lognormal = std::get_if<Lognormal>(&spread))
    return lognormal->sigma > 0 ? fmt::format("sigma {:.4g}", lognormal->sigma) : "none";
  return fmt::format("{} samples", std::get<Samples>(spread).factors.size());
}

// Of kinds that may vary: F, B, I, W.
const Spread* spread_of_kind(const CalibrationReport& report, std::size_t kind) {
  const auto op = op_kind(static_cast<CostKind>(kind));
  return op && is_compute(*op) ? &report.jitter.ops[*op] : nullptr;
}

std::string range_of_costs(Time least, Time most) {
  return least == most ? format_time(least) : fmt::format("{} .. {}", format_time(least), format_time(most));
}

std::string ops_table(const CalibrationReport& report) {
  Table table({{"op", Align::Left},
               {"samples"},
               {"by the config"},
               {"intercept"},
               {"factor"},
               {"off the line"},
               {"residual p50"},
               {"p95"},
               {"jitter", Align::Left}});
  for (std::size_t i = 0; i < kCostKinds; ++i) {
    const KindFit& kind = report.costs.kinds[i];
    if (kind.samples == 0) continue;
    const Spread* spread = spread_of_kind(report, i);
    table.add_row({std::string(name(static_cast<CostKind>(i))), std::to_string(kind.samples),
                   range_of_costs(kind.least, kind.most),
                   kind.intercept ? fmt::format("{:.1f} us", *kind.intercept / 1e3) : "not told",
                   fmt::format("{:.4f}", kind.factor), fine_percent(kind.line_residual),
                   fine_percent(kind.residual_p50), fine_percent(kind.residual_p95),
                   spread == nullptr ? "" : jitter_text(*spread)});
  }
  return table.text();
}

std::string sizes_text(const LinkFit& fit) {
  const Bytes least = fit.sizes.front().bytes, most = fit.sizes.back().bytes;
  return least == most ? format_bytes(least)
                       : fmt::format("{} .. {}", format_bytes(least), format_bytes(most));
}

std::string calibrated_links_table(const CalibrationReport& report) {
  if (report.links.empty()) return "";
  Table table({{"links", Align::Left},
               {"transfers"},
               {"used"},
               {"sizes"},
               {"latency"},
               {"before"},
               {"bandwidth"},
               {"before"},
               {"residual p50"},
               {"p95"},
               {"jitter", Align::Left}});
  for (const CalibratedLink& link : report.links) {
    if (!link.fit) continue;
    const LinkFit& fit = *link.fit;
    table.add_row({link.name, std::to_string(fit.transfers), std::to_string(fit.samples), sizes_text(fit),
                   format_time(fit.link.latency), format_time(fit.before.latency),
                   format_bandwidth(fit.link.bandwidth), format_bandwidth(fit.before.bandwidth),
                   fine_percent(fit.residual_p50), fine_percent(fit.residual_p95),
                   jitter_text(report.jitter.transfers)});
  }
  return "\n" + table.text();
}

std::vector<Table::Column> prediction_columns(std::string_view what) {
  return {{std::string(what), Align::Left},
          {"measured p50"},
          {"predicted"},
          {"error"},
          {"with jitter p50"},
          {"error"},
          {"jitter adds"}};
}

void add_prediction(Table& table, const std::string& what, Time measured, const StepPrediction& predicted) {
  table.add_row({what, format_time(measured), format_time(predicted.plain),
                 signed_percent(error_or_zero(predicted.plain, measured)), format_time(predicted.best()),
                 signed_percent(error_or_zero(predicted.best(), measured)),
                 signed_percent(error_or_zero(predicted.best(), predicted.plain))});
}

std::string files_table(const CalibrationReport& report) {
  Table table(prediction_columns("file"));
  for (const CalibratedFile& file : report.files)
    add_prediction(table, fmt::format("{}, {} step{}", file.file, file.steps, file.steps == 1 ? "" : "s"),
                   file.measured, file.predicted);
  return "\nStep times, of what was fitted to all files\n" + table.text();
}

std::string held_out_table(const CalibrationReport& report) {
  if (report.held_out.empty()) return "";
  Table table(prediction_columns("held out"));
  for (const HeldOut& one : report.held_out) add_prediction(table, one.what, one.measured, one.predicted);
  return "\nStep times, each of what was fitted to the others\n" + table.text();
}

std::string overhead_text(const CostFit& costs) {
  return fmt::format("\noverhead of an op: {} ({})\n", format_time(costs.overhead),
                     costs.overhead_by_line ? "where its time by the config would be 0"
                                            : "median gap in front of it, as durations differ too little");
}

Json kind_json(const CalibrationReport& report, std::size_t i) {
  const KindFit& kind = report.costs.kinds[i];
  Json entry = {{"kind", std::string(name(static_cast<CostKind>(i)))},
                {"samples", kind.samples},
                {"points", kind.points},
                {"least_ns", kind.least.count()},
                {"most_ns", kind.most.count()},
                {"intercept_ns", kind.intercept ? Json(*kind.intercept) : Json()},
                {"factor", kind.factor},
                {"line_residual", kind.line_residual},
                {"residual_p50", kind.residual_p50},
                {"residual_p95", kind.residual_p95}};
  if (const Spread* spread = spread_of_kind(report, i)) entry["jitter"] = jitter_text(*spread);
  return entry;
}

Json cell_json(const CostCell& cell, const CellFit& fit) {
  return {{"kind", std::string(name(cell.kind))},
          {"stage", index(cell.stage)},
          {"stages", cell.stages},
          {"by_config_ns", cell.modelled.count()},
          {"samples", fit.samples},
          {"median_ns", fit.duration.count()}};
}

std::string_view determined_text(LinkDetermined determined) {
  switch (determined) {
    case LinkDetermined::Both:
      return "latency and bandwidth";
    case LinkDetermined::Bandwidth:
      return "bandwidth";
    case LinkDetermined::Latency:
      return "latency";
  }
  return "?";
}

Json calibrated_link_json(const CalibratedLink& link, const Jitter& jitter) {
  if (!link.fit) return {{"links", link.name}, {"transfers", 0}};
  const LinkFit& fit = *link.fit;
  Json sizes = Json::array();
  for (const SizeFit& size : fit.sizes)
    sizes.push_back({{"bytes", size.bytes.count()},
                     {"samples", size.samples},
                     {"median_ns", size.measured.count()},
                     {"fitted_ns", size.fitted.count()}});
  return {{"links", link.name},
          {"transfers", fit.transfers},
          {"samples", fit.samples},
          {"determined", std::string(determined_text(fit.determined))},
          {"latency_ns", fit.link.latency.count()},
          {"latency_before_ns", fit.before.latency.count()},
          {"bytes_per_second", fit.link.bandwidth.count()},
          {"bytes_per_second_before", fit.before.bandwidth.count()},
          {"sizes", std::move(sizes)},
          {"residual_p50", fit.residual_p50},
          {"residual_p95", fit.residual_p95},
          {"jitter", jitter_text(jitter.transfers)}};
}

void put_prediction(Json& entry, Time measured, const StepPrediction& predicted) {
  entry["measured_ns"] = measured.count();
  entry["predicted_ns"] = predicted.plain.count();
  entry["error"] = error_or_zero(predicted.plain, measured);
  entry["with_jitter_ns"] = predicted.best().count();
  entry["with_jitter_error"] = error_or_zero(predicted.best(), measured);
}

Json file_json(const CalibratedFile& file) {
  Json entry = {{"file", file.file}, {"steps", file.steps}};
  put_prediction(entry, file.measured, file.predicted);
  return entry;
}

Json held_out_json(const HeldOut& one) {
  Json entry = {{"held_out", one.what}};
  put_prediction(entry, one.measured, one.predicted);
  return entry;
}

}  // namespace

std::string calibration_table(const CalibrationReport& report) {
  std::string text = ops_table(report) + overhead_text(report.costs) + calibrated_links_table(report) +
                     files_table(report) + held_out_table(report);
  if (!report.notes.empty()) text += "\n";
  for (const std::string& note : report.notes) text += fmt::format("- {}\n", note);
  return text;
}

std::string calibration_json(const CalibrationReport& report) {
  Json document = {{"ppsim_version", std::string(version())},
                   {"schema_version", kCalibrationSchema},
                   {"overhead_ns", report.costs.overhead.count()},
                   {"overhead_by_line", report.costs.overhead_by_line}};
  for (const char* key : {"kinds", "costs", "links", "files", "held_out"}) document[key] = Json::array();
  for (std::size_t i = 0; i < kCostKinds; ++i)
    if (report.costs.kinds[i].samples > 0) document["kinds"].push_back(kind_json(report, i));
  for (const auto& [cell, fit] : report.costs.cells) document["costs"].push_back(cell_json(cell, fit));
  for (const CalibratedLink& link : report.links)
    document["links"].push_back(calibrated_link_json(link, report.jitter));
  for (const CalibratedFile& file : report.files) document["files"].push_back(file_json(file));
  for (const HeldOut& one : report.held_out) document["held_out"].push_back(held_out_json(one));
  document["notes"] = report.notes;
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace ppsim
