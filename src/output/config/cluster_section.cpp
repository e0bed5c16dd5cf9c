#include "output/config/cluster_section.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

#include "output/config/cluster_json.hpp"
#include "output/labels.hpp"
#include "text/quantity.hpp"

namespace ppsim {

std::string flops_text(Flops flops) {
  return fmt::format("{} GFLOP", flops.count() / 1e9);
}

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

}  // namespace

Json make_cluster_section(const MeasuredCluster& measured) {
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

std::string cluster_section(const MeasuredCluster& measured) {
  return make_cluster_section(measured).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ppsim
