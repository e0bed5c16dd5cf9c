// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Time of a collective over the GPUs of one group, alone on its links.
#pragma once

#include <array>
#include <cstdint>

#include "ppsim/core/units.hpp"
#include "ppsim/model/hardware/cluster.hpp"
#include "ppsim/model/hardware/parallelism.hpp"

namespace ppsim {

/// The GPUs that take part: `nodes` nodes with `gpus_per_node` of them in each.
struct GroupShape {
  std::uint32_t gpus_per_node = 1;
  std::uint32_t nodes = 1;

  [[nodiscard]] std::uint64_t size() const { return std::uint64_t{gpus_per_node} * nodes; }
};

/// What a GPU of a group sends on the average of all of them, and receives as much: to others of its node,
/// and to other nodes.
struct PortBytes {
  double inside = 0;
  double across = 0;

  PortBytes& operator+=(PortBytes other) { return inside += other.inside, across += other.across, *this; }
  friend PortBytes operator*(double times, PortBytes bytes) {
    return {times * bytes.inside, times * bytes.across};
  }
};
using CollectiveBytes = std::array<PortBytes, kGroupKinds>;  ///< by GroupKind

/// What a ring over the group runs at: NVLink or PCIe within a node; across nodes all rings together, of
/// which there are as many as NICs that the group's GPUs use in a node, side by side.
[[nodiscard]] Link ring_link(const Cluster& cluster, GroupShape group);

/// A group as its collectives see it. The links are what is left to it while the groups beside it, which do
/// the same at the same time, take their share.
struct GroupLinks {
  std::uint64_t members = 1;
  std::uint64_t nodes = 1;     ///< that it spans
  std::uint64_t per_node = 1;  ///< its members in the node that has the fewest
  Link ring;                   ///< what the rings over the group run at
  Link inside;                 ///< of one GPU, to the next of a ring in its node
  Link across;                 ///< of one GPU, to the next node while every GPU of its node sends there
  Link hop;                    ///< of one GPU, to the next node while only one of each group sends there
  Link spread_inside;          ///< of one GPU, to all others of its node in turn (all-to-all),
  Link spread_across;          ///< and to those of all other nodes, while every GPU of its node does

  /// As many members in every node.
  [[nodiscard]] bool even() const { return per_node * nodes == members; }
};

/// With nothing beside it.
[[nodiscard]] GroupLinks group_links(const Cluster& cluster, GroupShape group);

/// `block` cut into `side_by_side` groups: GPU i of it belongs to group i mod `side_by_side`. What the
/// slowest of them sees. Linear in the block's GPUs.
[[nodiscard]] GroupLinks group_links(const Cluster& cluster, GpuRange block, std::uint64_t side_by_side);

/// For the worse of two groups, figure by figure; of as many members.
[[nodiscard]] GroupLinks slower(const GroupLinks& a, const GroupLinks& b);

/// Ring all-reduce of `bytes` among `members` GPUs (Patarasuk and Yuan, 2009): 2 (n-1)/n bytes over the
/// slowest link of the ring and 2 (n-1) latencies. 0 for one GPU.
[[nodiscard]] Seconds ring_all_reduce_time(std::uint64_t members, Link slowest, Bytes bytes);

/// The ring of the group on its ring_link().
[[nodiscard]] Seconds all_reduce_time(const Cluster& cluster, GroupShape group, Bytes bytes);

/// Double binary tree over the nodes (Sanders, Speck and Traeff, 2009, as NCCL builds it: a chain of the GPUs
/// within a node): two trees, each with half of the bytes, whose inner nodes are the other's leaves, so that
/// every node sends and receives all bytes twice, up and down; latencies of chain and tree up and down. What
/// filling the pipeline takes is left out. 0 for one GPU.
[[nodiscard]] Seconds tree_all_reduce_time(const GroupLinks& group, Bytes bytes);

/// Reduce-scatter within the node, rings between GPUs of the same place in all nodes, each with its part,
/// all-gather within the node (Cho et al. 2019, BlueConnect). A ring where there is one node, or where the
/// nodes have different numbers of members.
[[nodiscard]] Seconds hierarchical_all_reduce_time(const GroupLinks& group, Bytes bytes);

[[nodiscard]] Seconds all_reduce_time(const GroupLinks& group, Bytes bytes, CollectiveAlgorithm algorithm);

/// Each is half an all-reduce, the same way; there is no tree of them: where one is asked for they are rings,
/// as in NCCL. `bytes`: what a GPU has before a reduce-scatter, and after an all-gather.
[[nodiscard]] Seconds reduce_scatter_time(const GroupLinks& group, Bytes bytes,
                                          CollectiveAlgorithm algorithm);
[[nodiscard]] Seconds all_gather_time(const GroupLinks& group, Bytes bytes, CollectiveAlgorithm algorithm);

/// Pairwise exchange (Thakur, Rabenseifner and Gropp, 2005, section 4.3): of the `bytes` that each GPU has,
/// 1/n go to each of the n - 1 others in a step of its own, of which as many stay within the node as it has
/// other members of the group.
[[nodiscard]] Seconds all_to_all_time(const GroupLinks& group, Bytes bytes);

/// One step of a ring: every GPU hands `bytes` to its neighbour. 0 for one GPU.
[[nodiscard]] Seconds ring_send_time(const GroupLinks& group, Bytes bytes);

/// What these put on the ports of their GPUs, each by the algorithm that its time is of.
[[nodiscard]] PortBytes all_reduce_bytes(const GroupLinks& group, Bytes bytes, CollectiveAlgorithm algorithm);
[[nodiscard]] PortBytes half_all_reduce_bytes(const GroupLinks& group, Bytes bytes,
                                              CollectiveAlgorithm algorithm);
[[nodiscard]] PortBytes all_to_all_bytes(const GroupLinks& group, Bytes bytes);
[[nodiscard]] PortBytes ring_send_bytes(const GroupLinks& group, Bytes bytes);

}  // namespace ppsim
