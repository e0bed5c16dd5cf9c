#include "explore/bench/bench_cluster.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "explore/bench/bench_notes.hpp"
#include "metrics/robust_fit.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/core/version.hpp"
#include "text/quantity.hpp"

namespace ppsim {
namespace {

Time median_of(const std::vector<Time>& times) {
  std::vector<double> numbers;
  for (const Time time : times) numbers.push_back(static_cast<double>(time.count()));
  return round_to_time(median(std::move(numbers)));
}

// Of each pair the median of its repeats.
std::vector<Time> medians_of(const std::vector<std::vector<Time>>& times) {
  std::vector<Time> medians;
  for (const auto& one : times) medians.push_back(median_of(one));
  return medians;
}

std::string pair_name(const NodeMap& nodes, const LinkPair& pair) {
  const auto node = [&](Rank rank) { return index(rank) / nodes.ranks_per_node; };
  if (node(pair.first) == node(pair.second)) return nodes.names[node(pair.first)];
  return fmt::format("{} and {}", nodes.names[node(pair.first)], nodes.names[node(pair.second)]);
}

void name_pairs(LinkTimes& times, const LinkSamples& samples, const NodeMap& nodes) {
  const std::vector<Time> medians = medians_of(samples.times);
  times.pairs.clear();
  for (std::size_t i = 0; i < medians.size(); ++i)
    times.pairs.emplace_back(pair_name(nodes, samples.pairs[i]), medians[i]);
}

void add_samples(LinkTimes& times, const LinkSamples& samples, const NodeMap& nodes) {
  const SizeTime point{samples.size, median_of(medians_of(samples.times))};
  switch (samples.load) {
    case LinkLoad::Alone:
      if (samples.size == Bytes(0)) {
        times.empty = point.time;
      } else {
        times.alone.push_back(point);
      }
      return;
    case LinkLoad::BothWays:
      times.both_ways.push_back(point);
      return name_pairs(times, samples, nodes);  // the largest comes last
    case LinkLoad::AllPairs:
      times.all_pairs.push_back(point);
      return;
  }
}

std::optional<MeasuredLink> measured_link(const BenchSamples& samples, LinkScope scope) {
  LinkTimes times;
  for (const LinkSamples& one : samples.links)
    if (one.scope == scope) add_samples(times, one, samples.nodes);
  if (times.alone.empty()) return std::nullopt;
  try {
    return fit_measured_link(std::move(times));
  } catch (const Error& error) {
    throw Error(std::string(scope_name(scope)), error.fault().what);
  }
}

BytesPerSecond median_rate(const std::vector<BytesPerSecond>& rates) {
  std::vector<double> numbers;
  for (const BytesPerSecond rate : rates) numbers.push_back(static_cast<double>(rate.count()));
  return BytesPerSecond(std::llround(median(std::move(numbers))));
}

Gpu measured_device(const BenchSamples& samples, const BenchPlan& plan) {
  Gpu gpu;
  gpu.name = samples.device.name;
  gpu.memory = samples.device.memory;
  gpu.memory_bandwidth = median_rate(samples.copies);
  std::vector<ProductTime> products;
  for (const ProductSamples& one : samples.products)
    products.push_back({one.shape.flops(), median_of(medians_of(one.times))});
  MeasuredRate rate = measured_rate(std::move(products));
  gpu.matmul_efficiency = std::move(rate.efficiency);
  gpu.peak[static_cast<std::size_t>(samples.device.dtype)] = rate.peak;
  for (const Dtype dtype : plan.dtypes) gpu.peak[static_cast<std::size_t>(dtype)] = rate.peak;
  return gpu;
}

std::string plural(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::size_t least_repeats(const BenchSamples& samples) {
  std::size_t least = samples.products.front().times.front().size();
  for (const LinkSamples& one : samples.links)
    for (const auto& times : one.times) least = std::min(least, times.size());
  return least;
}

std::string source_of(const BenchSamples& samples, const BenchPlan& plan) {
  return fmt::format(
      "Measured by ppsim {} bench-cluster, {}, {} a node on {} ({}). Links: medians of at least {} repeats "
      "of messages "
      "of {} to {}, both directions busy, Theil-Sen with weights 1/t^2. peak and matmul_efficiency: {} in "
      "{}, "
      "all ranks at once, the best of them as peak. memory_bandwidth: bytes read and written by copies.",
      version(), plan.backend, plural(samples.nodes.ranks_per_node, "rank"),
      plural(samples.nodes.nodes(), "node"), fmt::join(samples.nodes.names, ", "), least_repeats(samples),
      format_bytes(*std::find_if(plan.links.sizes.begin(), plan.links.sizes.end(),
                                 [](Bytes size) { return size > Bytes(0); })),
      format_bytes(plan.links.sizes.back()), plural(samples.products.size(), "matrix product"),
      name(samples.device.dtype));
}

}  // namespace

std::vector<Bytes> default_message_sizes() {
  std::vector<Bytes> sizes = {Bytes(0)};
  for (std::int64_t size = std::int64_t{1} << 10U; size <= std::int64_t{1} << 24U; size *= 4)
    sizes.emplace_back(size);
  return sizes;
}

std::vector<ProductShape> default_products(std::uint64_t widest) {
  std::vector<ProductShape> shapes;
  for (std::uint64_t width = 64; width <= widest; width *= 2) shapes.push_back({width, width, width});
  return shapes;
}

std::vector<ProductShape> shapes_of(const std::vector<Product>& products) {
  const auto count = [](double size) {
    return static_cast<std::uint64_t>(std::max(std::llround(size), 1LL));
  };
  std::vector<ProductShape> shapes;
  for (const Product& one : products) shapes.push_back({count(one.m), count(one.n), count(one.k)});
  return shapes;
}

BenchSamples measure_cluster(const NodeMap& nodes, Group& group, Probe& probe, const BenchPlan& plan) {
  BenchSamples samples{nodes, probe.device(), measure_links(nodes, group, probe, plan.links), {}, {}};
  samples.products = measure_products(group, probe, plan.products, plan.product_seconds);
  samples.copies = measure_copies(group, probe, plan.product_seconds / 10);
  return samples;
}

MeasuredCluster make_measured_cluster(const BenchSamples& samples, const BenchPlan& plan) {
  MeasuredCluster result;
  result.node_names = samples.nodes.names;
  result.inside = measured_link(samples, LinkScope::Inside);
  result.between = measured_link(samples, LinkScope::Between);
  Cluster& cluster = result.cluster;
  cluster.nodes = samples.nodes.nodes();
  cluster.gpus_per_node = samples.nodes.ranks_per_node;
  cluster.gpu = measured_device(samples, plan);
  if (result.inside) cluster.nvlink = result.inside->both_ways.link;
  if (result.between) {
    cluster.infiniband = result.between->both_ways.link;
    cluster.nics_per_node = count_nics(cluster.gpus_per_node, result.between->slowdown);
  }
  cluster.source = source_of(samples, plan);
  result.notes = bench_notes(result, samples, plan);
  return result;
}

}  // namespace ppsim
