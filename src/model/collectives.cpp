// Ring all-reduce. n GPUs in a ring cut the bytes into n pieces; in 2 (n-1) steps each GPU sends one piece
// on, so every hop of the ring carries 2 (n-1)/n of the bytes, and the slowest hop sets the pace of all.
//
// Across nodes one ring would use one NIC a node. With k NICs a node the bytes are cut into k parts first,
// and k rings run side by side, each through all n GPUs but crossing to the next node on a NIC of its own. A
// ring carries 1/k of the bytes and its crossing takes as long as k times the bytes on k NICs: all rings
// together run at k x NIC. Every GPU forwards all k rings to its neighbour in the node, so the rings together
// cannot pass one NVLink either:
//   rate = min(k x NIC, NVLink)        (one GPU a node: no NVLink on the way)
// A hierarchical all-reduce (reduce in the node, then between nodes) would send g times less between nodes of
// g GPUs.
#include "ppsim/model/collectives.hpp"

#include <algorithm>

#include "network_links.hpp"

namespace ppsim {

namespace {

// NICs that the first `gpus` GPUs of a node use: GPU g uses NIC floor(g x nics / gpus_per_node), which
// ascends with g.
std::int64_t nics_used(const Cluster& cluster, std::uint32_t gpus) {
  const ClusterLinks links(cluster);
  std::int64_t used = 1;
  for (std::uint32_t gpu = 1; gpu < gpus; ++gpu) used += links.nic_of(gpu) != links.nic_of(gpu - 1) ? 1 : 0;
  return used;
}

}  // namespace

Link ring_link(const Cluster& cluster, GroupShape group) {
  if (group.nodes == 1) return cluster.nvlink;
  const BytesPerSecond nics = cluster.infiniband.bandwidth * nics_used(cluster, group.gpus_per_node);
  if (group.gpus_per_node == 1) return {nics, cluster.infiniband.latency};
  return {std::min(nics, cluster.nvlink.bandwidth),
          std::max(cluster.infiniband.latency, cluster.nvlink.latency)};
}

Seconds ring_all_reduce_time(std::uint64_t members, Link slowest, Bytes bytes) {
  if (members <= 1) return Seconds(0);
  const auto n = static_cast<double>(members);
  const Seconds once(static_cast<double>(bytes.count()) / static_cast<double>(slowest.bandwidth.count()));
  return 2 * (n - 1) / n * once + 2 * (n - 1) * Seconds(slowest.latency);
}

Seconds all_reduce_time(const Cluster& cluster, GroupShape group, Bytes bytes) {
  return ring_all_reduce_time(group.size(), ring_link(cluster, group), bytes);
}

}  // namespace ppsim
