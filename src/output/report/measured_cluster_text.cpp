#include "output/report/measured_cluster_text.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string>

#include "output/config/cluster_json.hpp"
#include "output/report/fit_text.hpp"
#include "output/schema_versions.hpp"
#include "ppsim/core/version.hpp"
#include "text/json_text.hpp"
#include "text/quantity.hpp"
#include "text/table.hpp"

namespace ppsim {
namespace {

std::string link_table(const MeasuredLink& link, std::string_view title) {
  Table table({{fmt::format("{}, one way", title), Align::Left},
               {"alone"},
               {"both ways"},
               {"by the fit"},
               {"error"},
               {"all pairs"}});
  const LinkTimes& times = link.times;
  if (times.empty) table.add_row({"no bytes", format_time(*times.empty), "", "", "", ""});
  for (std::size_t i = 0; i < times.both_ways.size(); ++i) {
    const auto [size, both] = times.both_ways[i];
    table.add_row({format_bytes(size), format_time(times.alone[i].time), format_time(both),
                   format_time(message_time(link.both_ways.link, size)),
                   fmt::format("{:+.1f} %", 100 * link.both_ways.errors[i]),
                   times.all_pairs.empty() ? "" : format_time(times.all_pairs[i].time)});
  }
  const Link& fit = link.both_ways.link;
  return fmt::format("{}fit: {} + bytes / {}\n\n", table.text(), format_time(fit.latency),
                     format_bandwidth(fit.bandwidth));
}

std::string product_table(const Gpu& gpu) {
  Table table({{"matrix product", Align::Left}, {"rate"}, {"of the best"}});
  FlopsPerSecond best;
  for (const auto& peak : gpu.peak) best = peak ? std::max(best, *peak) : best;
  for (const auto& [flops, share] : gpu.matmul_efficiency.points)
    table.add_row({flops_text(flops), fmt::format("{:.4g} GFLOP/s", best.count() * share / 1e9),
                   fmt::format("{:.1f} %", 100 * share)});
  return fmt::format("{}copies: {}\n", table.text(), format_bandwidth(gpu.memory_bandwidth));
}

Json points_json(const MeasuredLink& link) {
  Json points = Json::array();
  const LinkTimes& times = link.times;
  for (std::size_t i = 0; i < times.both_ways.size(); ++i) {
    Json point = {{"bytes", times.both_ways[i].size.count()},
                  {"alone_ns", times.alone[i].time.count()},
                  {"both_ways_ns", times.both_ways[i].time.count()},
                  {"fit_error", link.both_ways.errors[i]}};
    if (!times.all_pairs.empty()) point["all_pairs_ns"] = times.all_pairs[i].time.count();
    points.push_back(std::move(point));
  }
  return points;
}

Json message_fit_json(const MessageFit& fit) {
  return {{"latency_ns", fit.link.latency.count()},
          {"bytes_per_second", fit.link.bandwidth.count()},
          {"largest_error", fit.largest_error()}};
}

Json measured_link_json(const MeasuredLink& link, std::string_view title) {
  Json pairs = Json::array();
  for (const auto& [name, time] : link.times.pairs)
    pairs.push_back({{"pair", name}, {"largest_ns", time.count()}});
  Json result = {{"class", title}};
  if (link.times.empty) result["empty_ns"] = link.times.empty->count();
  result["alone"] = message_fit_json(link.alone);
  result["both_ways"] = message_fit_json(link.both_ways);
  if (!link.times.all_pairs.empty()) result["all_pairs_slowdown"] = link.slowdown;
  result["sizes"] = points_json(link);
  result["pairs"] = std::move(pairs);
  return result;
}

}  // namespace

std::string measured_cluster_table(const MeasuredCluster& measured) {
  std::string text;
  if (measured.inside) text += link_table(*measured.inside, "inside a node");
  if (measured.between) text += link_table(*measured.between, "between nodes");
  text += product_table(measured.cluster.gpu);
  for (const std::string& note : measured.notes) text += fmt::format("\n{}", note);
  return measured.notes.empty() ? text : text + "\n";
}

std::string measured_cluster_json(const MeasuredCluster& measured) {
  Json links = Json::array();
  if (measured.inside) links.push_back(measured_link_json(*measured.inside, "inside a node"));
  if (measured.between) links.push_back(measured_link_json(*measured.between, "between nodes"));
  const Json document = {{"ppsim_version", version()},
                         {"schema_version", kMeasuredClusterSchema},
                         {"node_names", measured.node_names},
                         {"links", links},
                         {"cluster", make_cluster_section(measured)},
                         {"notes", measured.notes}};
  return compact(document) + "\n";
}

}  // namespace ppsim
