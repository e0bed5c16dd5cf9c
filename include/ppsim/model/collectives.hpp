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

/// Ring all-reduce of `bytes` (Patarasuk and Yuan, 2009): 2 (n-1)/n bytes over the slowest link of the ring and 2 (n-1)
/// latencies. Within a node the ring runs on NVLink. Across nodes each ring crosses node boundaries over the NICs that the
/// group may use there; as many rings as NICs run side by side. 0 for one GPU.
[[nodiscard]] Seconds all_reduce_time(const Cluster& cluster, GroupShape group, Bytes bytes);

}  // namespace ppsim
