#include "explore/bench/bench_notes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "metrics/robust_fit.hpp"
#include "text/quantity.hpp"

namespace ppsim {
namespace {

// What a few per cent of noise do not reach.
constexpr double kSlowPair = 1.25;
constexpr double kWrongFit = 0.1;
constexpr double kSharedWays = 0.9;
constexpr double kSlowedDown = 1.05;

double in_ns(Time time) {
  return static_cast<double>(time.count());
}

void add_slow_pairs(std::vector<std::string>& notes, const LinkTimes& times, std::string_view where) {
  std::vector<double> all;
  for (const auto& [name, time] : times.pairs) all.push_back(in_ns(time));
  const double middle = median(all);
  for (const auto& [name, time] : times.pairs) {
    if (in_ns(time) < kSlowPair * middle) continue;
    notes.push_back(
        fmt::format("{}: {} take {:.2f} times what the median pair does: is one of their links bad?", where,
                    name, in_ns(time) / middle));
  }
}

void add_fit(std::vector<std::string>& notes, const MeasuredLink& link, std::string_view where) {
  const auto& errors = link.both_ways.errors;
  if (link.both_ways.largest_error() < kWrongFit) return;
  const auto worst = std::max_element(errors.begin(), errors.end(),
                                      [](double a, double b) { return std::abs(a) < std::abs(b); });
  const SizeTime& sample = link.times.both_ways[static_cast<std::size_t>(worst - errors.begin())];
  notes.push_back(
      fmt::format("{}: latency + bytes / bandwidth is up to {:.0f} % off, at {}: one line does not "
                  "describe all sizes; --sizes near those of the model describe them better",
                  where, 100 * std::abs(*worst), format_bytes(sample.size)));
}

void add_directions(std::vector<std::string>& notes, const MeasuredLink& link, std::string_view where) {
  const double share = static_cast<double>(link.both_ways.link.bandwidth.count()) /
                       static_cast<double>(link.alone.link.bandwidth.count());
  if (share >= kSharedWays) return;
  notes.push_back(
      fmt::format("{}: with both directions busy each has {:.0f} % of the bandwidth that it has alone; "
                  "the cluster takes it",
                  where, 100 * share));
}

void add_link(std::vector<std::string>& notes, const std::optional<MeasuredLink>& link, LinkScope scope) {
  if (!link) return;
  add_slow_pairs(notes, link->times, scope_name(scope));
  add_fit(notes, *link, scope_name(scope));
  add_directions(notes, *link, scope_name(scope));
}

void add_nics(std::vector<std::string>& notes, const MeasuredCluster& measured) {
  if (!measured.between || measured.between->slowdown < kSlowedDown) return;
  notes.push_back(
      fmt::format("between nodes: all {} ranks of a node at once take {:.2f} times as long as one: {} NIC{} "
                  "a node",
                  measured.cluster.gpus_per_node, measured.between->slowdown, measured.cluster.nics_per_node,
                  measured.cluster.nics_per_node == 1 ? "" : "s"));
}

void add_machine(std::vector<std::string>& notes, const NodeMap& nodes) {
  if (nodes.ranks_per_machine == nodes.ranks_per_node) return;
  notes.push_back(
      fmt::format("{} ranks share one machine, which plays several nodes: they compete for its cores",
                  nodes.ranks_per_machine));
}

void add_products(std::vector<std::string>& notes, const BenchSamples& samples, const BenchPlan& plan) {
  const auto was_measured = [&](const ProductShape& shape) {
    return std::any_of(samples.products.begin(), samples.products.end(),
                       [&](const ProductSamples& one) { return one.shape == shape; });
  };
  const auto cut = std::count_if(plan.products.begin(), plan.products.end(),
                                 [&](const ProductShape& shape) { return !was_measured(shape); });
  if (cut > 0)
    notes.push_back(
        fmt::format("{} of {} products were measured with smaller matrices: bigger ones count as fast as "
                    "the biggest measured",
                    cut, plan.products.size()));
  for (const Dtype dtype : plan.dtypes)
    if (dtype != samples.device.dtype)
      return notes.push_back(fmt::format("products were measured in {}, and stand for {} too",
                                         name(samples.device.dtype), name(dtype)));
}

}  // namespace

std::string_view scope_name(LinkScope scope) {
  switch (scope) {
    case LinkScope::Inside:
      return "inside a node";
    case LinkScope::Between:
      return "between nodes";
  }
  throw std::logic_error("no such class of links");
}

std::vector<std::string> bench_notes(const MeasuredCluster& cluster, const BenchSamples& samples,
                                     const BenchPlan& plan) {
  std::vector<std::string> notes;
  add_machine(notes, samples.nodes);
  add_link(notes, cluster.inside, LinkScope::Inside);
  add_link(notes, cluster.between, LinkScope::Between);
  add_nics(notes, cluster);
  add_products(notes, samples, plan);
  return notes;
}

}  // namespace ppsim
