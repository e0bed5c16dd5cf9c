#include "ppsim/output/report/optimization_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "output/labels.hpp"
#include "output/report_document.hpp"
#include "text/quantity.hpp"
#include "text/table.hpp"

namespace ppsim {
namespace {

const RankReport& fullest(const Report& report) {
  return *std::max_element(
      report.per_rank.begin(), report.per_rank.end(),
      [](const RankReport& a, const RankReport& b) { return a.peak_activation < b.peak_activation; });
}

std::uint32_t most_in_flight(const Report& report) {
  std::uint32_t most = 0;
  for (const RankReport& rank : report.per_rank) most = std::max(most, rank.peak_activation_count);
  return most;
}

std::vector<std::string> make_order_cells(const OptimizationRow& row, const std::string& remark) {
  const Report& report = row.report;
  return {row.label,
          format_time(report.makespan),
          format_time(report.max_rank_span),
          percent(report.bubble_fraction),
          percent(report.span_bubble_fraction),
          format_bytes(fullest(report).peak_activation),
          std::to_string(most_in_flight(report)),
          remark};
}

double gap(const Optimization& result) {
  const auto bound = static_cast<double>(result.lower_bound.count());
  return bound > 0 ? static_cast<double>((result.value - result.lower_bound).count()) / bound : 0;
}

std::string limit_text(const std::vector<Bytes>& limit) {
  if (limit.empty()) return "no memory limit";
  const auto [least, most] = std::minmax_element(limit.begin(), limit.end());
  if (*least == *most) return fmt::format("activations up to {} a rank", format_bytes(*least));
  return fmt::format("activations up to {} to {}, by rank", format_bytes(*least), format_bytes(*most));
}

std::string verdict(const Optimization& result) {
  if (result.proved() && result.nodes == 0)
    return "optimal, proved: no order is below the lower bound that it meets";
  if (result.proved()) return fmt::format("optimal, proved ({})", counted(result.nodes, "node"));
  const std::string how =
      result.too_large ? "too large for the exact search" : "not proved within the budget";
  return fmt::format("best found: {}; lower bound {}; gap {} ({})", format_time(result.value),
                     format_time(result.lower_bound), percent(gap(result)),
                     result.nodes == 0 ? how : how + ", " + counted(result.nodes, "node"));
}

// Which orders were searched, and for which semantics.
std::string scope(const Optimization& result, const Config& config) {
  const auto& ops = result.schedule.ops;
  const bool split = std::any_of(ops.begin(), ops.end(), [](Op op) { return op.kind == OpKind::InputGrad; });
  std::string text =
      fmt::format("orders with {} backwards on this placement, communication overlap, contention none",
                  split ? "split" : "whole");
  const Simulation& simulation = config.simulation;
  if (simulation.communication != Communication::Overlap || simulation.contention != Contention("none")) {
    text += fmt::format("; the config's own {}, {} may rank them otherwise", name(simulation.communication),
                        simulation.contention.name());
  }
  return text;
}

nlohmann::ordered_json make_row(const OptimizationRow& row) {
  return {{"label", row.label}, {"fits", row.fits}, {"report", make_report_body(row.report)}};
}

}  // namespace

std::string optimization_table(const Optimization& result, const Config& config, bool color) {
  Table table({{"schedule", Align::Left},
               {"makespan"},
               {"rank span"},
               {"bubble fraction"},
               {"span bubble fraction"},
               {"peak activation"},
               {"in flight"},
               {"", Align::Left}});
  for (const OptimizationRow& row : result.rows)
    table.add_row(make_order_cells(row, row.fits ? "" : painted("over the limit", Ansi::Red, color)));
  table.add_row(
      make_order_cells(result.row, painted(result.proved() ? "optimal" : "best found", Ansi::Green, color)));
  const Schedule& schedule = result.schedule;
  return fmt::format("{}: {}, {}, {}; objective {}, {}\n\n{}\n{}\nof {}\n", config.path,
                     counted(schedule.ranks(), "rank"), counted(schedule.stages(), "stage"),
                     counted(schedule.micro_batches, "micro-batch", "es"), name(result.objective),
                     limit_text(result.limit), table.text(), verdict(result), scope(result, config));
}

std::string optimization_json(const Optimization& result, const Config& config) {
  nlohmann::ordered_json document = make_document_head(config);
  document["communication"] = name(Communication::Overlap);
  document["contention"] = Contention("none").name();
  document["objective"] = name(result.objective);
  document["proved"] = result.proved();
  document["value_ns"] = result.value.count();
  document["lower_bound_ns"] = result.lower_bound.count();
  document["gap"] = gap(result);
  document["nodes"] = result.nodes;
  nlohmann::ordered_json& limit = document["activation_limit_bytes"] = nullptr;
  if (!result.limit.empty()) limit = nlohmann::ordered_json::array();
  for (const Bytes bytes : result.limit) limit.push_back(bytes.count());
  document["optimized"] = make_row(result.row);
  document["schedules"] = nlohmann::ordered_json::array();
  for (const OptimizationRow& row : result.rows) document["schedules"].push_back(make_row(row));
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace ppsim
