#include "ppsim/io/cluster_text.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string>

#include "json_text.hpp"
#include "labels.hpp"
#include "ppsim/core/version.hpp"
#include "ppsim/io/quantity.hpp"
#include "ppsim/io/table.hpp"

namespace ppsim {
namespace {

// Figures that are measured have no more than five digits that mean anything. `prefixes` by thousands, the
// last for all that is larger.
template <std::size_t Count>
std::string five_digits(double number, const std::array<std::string_view, Count>& prefixes,
                        std::string_view unit) {
  std::size_t prefix = 0;
  while (number >= 1000 && prefix + 1 < Count) {
    number /= 1000;
    ++prefix;
  }
  return fmt::format("{:.5g} {}{}", number, prefixes[prefix], unit);
}

// Below a kilobyte a second the figure has to be whole.
std::string bandwidth_text(BytesPerSecond rate) {
  constexpr std::array<std::string_view, 5> kPrefixes = {"", "k", "M", "G", "T"};
  return five_digits(static_cast<double>(rate.count()), kPrefixes, "B/s");
}

std::string rate_text(FlopsPerSecond rate) {
  constexpr std::array<std::string_view, 3> kPrefixes = {"G", "T", "P"};
  return five_digits(rate.count() / 1e9, kPrefixes, "FLOP/s");
}

// To the last digit: the points of a curve ascend, however near they are.
std::string flops_text(Flops flops) {
  return fmt::format("{} GFLOP", flops.count() / 1e9);
}

// Five digits, however small the share.
double rounded(double share) {
  return std::stod(fmt::format("{:.5g}", share));
}

Json link_section(const Link& link) {
  return {{"bandwidth", bandwidth_text(link.bandwidth)},
          {"latency", fmt::format("{} ns", link.latency.count())}};
}

Json curve(const Efficiency& efficiency) {
  Json points = Json::array();
  for (const auto& [flops, share] : efficiency.points)
    points.push_back({{"flops", flops_text(flops)}, {"efficiency", rounded(share)}});
  return points;
}

Json gpu_section(const Gpu& gpu) {
  Json peak = Json::object();
  for (std::size_t i = 0; i < kDtypes; ++i)
    if (gpu.peak[i]) peak[std::string(name(static_cast<Dtype>(i)))] = rate_text(*gpu.peak[i]);
  return {{"name", gpu.name},
          {"peak", peak},
          {"memory", fmt::format("{} B", gpu.memory.count())},
          {"memory_bandwidth", bandwidth_text(gpu.memory_bandwidth)},
          {"matmul_efficiency", curve(gpu.matmul_efficiency)}};
}

Json section_of(const MeasuredCluster& measured) {
  const Cluster& cluster = measured.cluster;
  Json section = {{"description", fmt::format("A measured cluster: {} of {}", counted(cluster.nodes, "node"),
                                              counted(cluster.gpus_per_node, "rank"))},
                  {"source", cluster.source},
                  {"nodes", cluster.nodes},
                  {"gpus_per_node", cluster.gpus_per_node},
                  {"gpu", gpu_section(cluster.gpu)}};
  if (measured.inside) section["nvlink"] = link_section(cluster.nvlink);
  if (measured.between) {
    section["infiniband"] = link_section(cluster.infiniband);
    section["infiniband"]["nics_per_node"] = cluster.nics_per_node;
  }
  return section;
}

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

Json fit_json(const MessageFit& fit) {
  return {{"latency_ns", fit.link.latency.count()},
          {"bytes_per_second", fit.link.bandwidth.count()},
          {"largest_error", fit.largest_error()}};
}

Json link_json(const MeasuredLink& link, std::string_view title) {
  Json pairs = Json::array();
  for (const auto& [name, time] : link.times.pairs)
    pairs.push_back({{"pair", name}, {"largest_ns", time.count()}});
  Json result = {{"class", title}};
  if (link.times.empty) result["empty_ns"] = link.times.empty->count();
  result["alone"] = fit_json(link.alone);
  result["both_ways"] = fit_json(link.both_ways);
  if (!link.times.all_pairs.empty()) result["all_pairs_slowdown"] = link.slowdown;
  result["sizes"] = points_json(link);
  result["pairs"] = std::move(pairs);
  return result;
}

}  // namespace

std::string cluster_section(const MeasuredCluster& measured) {
  return section_of(measured).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

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
  if (measured.inside) links.push_back(link_json(*measured.inside, "inside a node"));
  if (measured.between) links.push_back(link_json(*measured.between, "between nodes"));
  const Json document = {{"ppsim_version", version()},
                         {"node_names", measured.node_names},
                         {"links", links},
                         {"cluster", section_of(measured)},
                         {"notes", measured.notes}};
  return compact(document) + "\n";
}

}  // namespace ppsim
