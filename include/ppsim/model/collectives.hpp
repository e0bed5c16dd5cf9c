/// Time of a collective over the GPUs of one group, alone on its links.
#pragma once

#include <cstdint>

#include "ppsim/core/units.hpp"
#include "ppsim/model/cluster.hpp"

namespace ppsim {

/// The GPUs that take part: `nodes` nodes with `gpus_per_node` of them in each.
struct GroupShape {
  std::uint32_t gpus_per_node = 1;
  std::uint32_t nodes = 1;

  [[nodiscard]] std::uint64_t size() const { return std::uint64_t{gpus_per_node} * nodes; }
};

/// What a ring over the group runs at: NVLink within a node; across nodes all rings together, of which there
/// are as many as NICs that the group's GPUs use in a node, side by side.
[[nodiscard]] Link ring_link(const Cluster& cluster, GroupShape group);

/// Ring all-reduce of `bytes` among `members` GPUs (Patarasuk and Yuan, 2009): 2 (n-1)/n bytes over the
/// slowest link of the ring and 2 (n-1) latencies. 0 for one GPU.
[[nodiscard]] Seconds ring_all_reduce_time(std::uint64_t members, Link slowest, Bytes bytes);

/// The ring of the group on its ring_link().
[[nodiscard]] Seconds all_reduce_time(const Cluster& cluster, GroupShape group, Bytes bytes);

}  // namespace ppsim
