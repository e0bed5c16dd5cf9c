/// What measurements say of a cluster, and the cluster that comes of it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "metrics/message_fit.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/model/hardware/cluster.hpp"

namespace ppsim {

/// Medians of one class of links, one way.
struct LinkTimes {
  std::optional<Time> empty;                        ///< a message of no bytes
  std::vector<SizeTime> alone;                      ///< by size, without 0
  std::vector<SizeTime> both_ways;                  ///< two ranks send to each other at once
  std::vector<SizeTime> all_pairs;                  ///< all ranks of a node do so; empty where it has one
  std::vector<std::pair<std::string, Time>> pairs;  ///< each pair's time of the largest size, both ways
};

struct MeasuredLink {
  LinkTimes times;
  MessageFit alone;
  MessageFit
      both_ways;  ///< of the same latency. The cluster takes this: in a pipeline both directions are busy
  double slowdown = 1;  ///< of the largest message by all pairs at once, against one pair; at least 1
};

/// Throws Error (where: "") as fit_messages() does.
[[nodiscard]] MeasuredLink fit_measured_link(LinkTimes times);

/// NICs that `gpus` of a node share when all of them at once take `slowdown` >= 1 times as long as one alone:
/// of the divisors of `gpus` the one for which the GPUs of a NIC are nearest to the slowdown, by their ratio.
[[nodiscard]] std::uint32_t count_nics(std::uint32_t gpus, double slowdown);

/// The median time of matrix products of one size.
struct ProductTime {
  Flops flops;
  Time time{};
};

/// The best rate of all is the peak, and each product's share of it a point of the curve; of several with the
/// same FLOPs the median. Requires one.
struct MeasuredRate {
  FlopsPerSecond peak;
  Efficiency efficiency;
};
[[nodiscard]] MeasuredRate measured_rate(std::vector<ProductTime> products);

struct MeasuredCluster {
  Cluster cluster;
  std::optional<MeasuredLink> inside;   ///< where a node has several GPUs
  std::optional<MeasuredLink> between;  ///< where there are several nodes
  std::vector<std::string> node_names;  ///< [nodes]
  std::vector<std::string> notes;       ///< what a reader should know, a line each
};

}  // namespace ppsim
