// Times in the alpha-beta model (Hockney 1994): a message takes its link's latency and bytes / bandwidth.
//
// Ring all-reduce. n GPUs in a ring cut the bytes into n pieces; in 2 (n-1) steps each GPU sends one piece
// on, so every hop of the ring carries 2 (n-1)/n of the bytes, and the slowest hop sets the pace of all. The
// first n - 1 steps are a reduce-scatter, the others an all-gather.
//
// Tree: every node sends all bytes up and down and receives as many, so that the NICs, or NVLink, carry them
// twice at the rate that rings reach (the uplinks of a leaf too, though a tree crosses them a little more):
//   2 bytes / rate + 2 ((g-1) NVLink latency + ceil(log2 N) InfiniBand latency)      (N nodes of g GPUs)
// NCCL tells the latency the same way (src/graph/tuning.cc).
//
// Hierarchical, N nodes of g GPUs: a ring in each node, then g rings over the nodes side by side, each with
// bytes / g at one GPU's share of its NIC, then the rest of the ring in each node.
//
// Ports, n GPUs on N nodes. A ring, or all rings side by side together, hands 2 (n-1)/n of the bytes from GPU
// to GPU; of n hops N leave a node. A tree hands all bytes up and down, over N - 1 pairs of nodes twice, once
// by each half, and over n - N pairs within nodes. Each way counts once as sent and once as received.
#include "ppsim/model/collectives/collectives.hpp"

#include <algorithm>
#include <bit>

#include "ppsim/core/error.hpp"

namespace ppsim {

namespace {

Seconds latencies(double count, const Link& link) {
  return count * Seconds(link.latency);
}

Seconds bytes_time(double bytes, const Link& link) {
  return Seconds(bytes / static_cast<double>(link.bandwidth.count()));
}

// Reduce-scatter or all-gather of `bytes` on a ring of n.
Seconds half_ring_time(std::uint64_t members, const Link& slowest, double bytes) {
  if (members <= 1) return Seconds(0);
  const auto n = static_cast<double>(members);
  return (n - 1) / n * bytes_time(bytes, slowest) + latencies(n - 1, slowest);
}

Seconds half_hierarchical_time(const GroupLinks& group, double bytes) {
  if (group.nodes == 1 || !group.even()) return half_ring_time(group.members, group.ring, bytes);
  return half_ring_time(group.per_node, group.inside, bytes) +
         half_ring_time(group.nodes, group.across, bytes / static_cast<double>(group.per_node));
}

Seconds half_time(const GroupLinks& group, double bytes, CollectiveAlgorithm algorithm) {
  const Seconds ring = half_ring_time(group.members, group.ring, bytes);
  switch (algorithm) {
    case CollectiveAlgorithm::Ring:
    case CollectiveAlgorithm::Tree:
      return ring;
    case CollectiveAlgorithm::Hierarchical:
      return half_hierarchical_time(group, bytes);
    case CollectiveAlgorithm::Auto:
      return std::min(ring, half_hierarchical_time(group, bytes));
  }
  return ring;
}

double count(Bytes bytes) {
  return static_cast<double>(bytes.count());
}

// `moved` bytes from each GPU to the next one.
PortBytes ring_ports(const GroupLinks& group, double moved) {
  if (group.nodes == 1) return {moved, 0};
  const double across = static_cast<double>(group.nodes) / static_cast<double>(group.members);
  return {moved * (1 - across), moved * across};
}

PortBytes half_ring_ports(const GroupLinks& group, double bytes) {
  const auto n = static_cast<double>(group.members);
  return ring_ports(group, (n - 1) / n * bytes);
}

PortBytes tree_ports(const GroupLinks& group, double bytes) {
  const auto n = static_cast<double>(group.members), nodes = static_cast<double>(group.nodes);
  return {2 * bytes * (n - nodes) / n, 2 * bytes * (nodes - 1) / n};
}

PortBytes half_hierarchical_ports(const GroupLinks& group, double bytes) {
  if (group.nodes == 1 || !group.even()) return half_ring_ports(group, bytes);
  const auto g = static_cast<double>(group.per_node), nodes = static_cast<double>(group.nodes);
  return {(g - 1) / g * bytes, (nodes - 1) / nodes * bytes / g};
}

// What `auto` comes to; the first of those that take the same time.
CollectiveAlgorithm fastest(const GroupLinks& group, double bytes) {
  const Seconds ring = 2 * half_ring_time(group.members, group.ring, bytes);
  const Seconds tree = tree_all_reduce_time(group, Bytes(static_cast<std::int64_t>(bytes)));
  const Seconds hierarchical = 2 * half_hierarchical_time(group, bytes);
  if (ring <= tree && ring <= hierarchical) return CollectiveAlgorithm::Ring;
  return tree <= hierarchical ? CollectiveAlgorithm::Tree : CollectiveAlgorithm::Hierarchical;
}

}  // namespace

Seconds ring_all_reduce_time(std::uint64_t members, Link slowest, Bytes bytes) {
  return 2 * half_ring_time(members, slowest, count(bytes));
}

Seconds all_reduce_time(const Cluster& cluster, GroupShape group, Bytes bytes) {
  return ring_all_reduce_time(group.size(), ring_link(cluster, group), bytes);
}

Seconds tree_all_reduce_time(const GroupLinks& group, Bytes bytes) {
  if (group.members <= 1) return Seconds(0);
  // The node with the most members has the longest chain.
  const std::uint64_t others = (group.nodes - 1) * group.per_node;
  const auto chain = static_cast<double>(group.members - others - 1);
  const auto depth = static_cast<double>(std::bit_width(group.nodes - 1));  // ceil(log2 N)
  return 2 * (bytes_time(count(bytes), group.ring) + latencies(chain, group.inside) +
              latencies(depth, group.across));
}

Seconds hierarchical_all_reduce_time(const GroupLinks& group, Bytes bytes) {
  return 2 * half_hierarchical_time(group, count(bytes));
}

Seconds all_reduce_time(const GroupLinks& group, Bytes bytes, CollectiveAlgorithm algorithm) {
  const Seconds ring = ring_all_reduce_time(group.members, group.ring, bytes);
  switch (algorithm) {
    case CollectiveAlgorithm::Ring:
      return ring;
    case CollectiveAlgorithm::Tree:
      return tree_all_reduce_time(group, bytes);
    case CollectiveAlgorithm::Hierarchical:
      return hierarchical_all_reduce_time(group, bytes);
    case CollectiveAlgorithm::Auto:
      return std::min({ring, tree_all_reduce_time(group, bytes), hierarchical_all_reduce_time(group, bytes)});
  }
  return ring;
}

Seconds reduce_scatter_time(const GroupLinks& group, Bytes bytes, CollectiveAlgorithm algorithm) {
  return half_time(group, count(bytes), algorithm);
}

Seconds all_gather_time(const GroupLinks& group, Bytes bytes, CollectiveAlgorithm algorithm) {
  return half_time(group, count(bytes), algorithm);
}

Seconds all_to_all_time(const GroupLinks& group, Bytes bytes) {
  const auto near = static_cast<double>(group.per_node - 1);
  const auto far = static_cast<double>(group.members - group.per_node);
  const double piece = count(bytes) / static_cast<double>(group.members);
  return near * (bytes_time(piece, group.spread_inside) + Seconds(group.spread_inside.latency)) +
         far * (bytes_time(piece, group.spread_across) + Seconds(group.spread_across.latency));
}

// In step with the slowest hop.
Seconds ring_send_time(const GroupLinks& group, Bytes bytes) {
  if (group.members <= 1) return Seconds(0);
  const auto time = [bytes](const Link& link) {
    return bytes_time(count(bytes), link) + Seconds(link.latency);
  };
  if (group.nodes == 1) return time(group.inside);
  return group.members == group.nodes ? time(group.hop) : std::max(time(group.hop), time(group.inside));
}

PortBytes all_reduce_bytes(const GroupLinks& group, Bytes bytes, CollectiveAlgorithm algorithm) {
  if (algorithm == CollectiveAlgorithm::Auto) algorithm = fastest(group, count(bytes));
  if (algorithm == CollectiveAlgorithm::Tree) return tree_ports(group, count(bytes));
  return 2 * half_all_reduce_bytes(group, bytes, algorithm);
}

PortBytes half_all_reduce_bytes(const GroupLinks& group, Bytes bytes, CollectiveAlgorithm algorithm) {
  const bool hierarchical =
      algorithm == CollectiveAlgorithm::Hierarchical ||
      (algorithm == CollectiveAlgorithm::Auto &&
       half_hierarchical_time(group, count(bytes)) < half_ring_time(group.members, group.ring, count(bytes)));
  return hierarchical ? half_hierarchical_ports(group, count(bytes)) : half_ring_ports(group, count(bytes));
}

PortBytes all_to_all_bytes(const GroupLinks& group, Bytes bytes) {
  const double piece = count(bytes) / static_cast<double>(group.members);
  return {piece * static_cast<double>(group.per_node - 1),
          piece * static_cast<double>(group.members - group.per_node)};
}

PortBytes ring_send_bytes(const GroupLinks& group, Bytes bytes) {
  return group.members <= 1 ? PortBytes{} : ring_ports(group, count(bytes));
}

}  // namespace ppsim
