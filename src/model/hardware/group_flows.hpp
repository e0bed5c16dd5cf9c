/// Which GPUs send to which in the collectives of groups, all groups at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/hardware/link_flows.hpp"
#include "ppsim/model/hardware/parallelism.hpp"

namespace ppsim {

using GpuGroup = std::vector<std::uint64_t>;  ///< ascending

/// GPU i of `block` belongs to group i mod `side_by_side`.
[[nodiscard]] std::vector<GpuGroup> make_groups(GpuRange block, std::uint64_t side_by_side);

/// The members of a group by node, ascending.
[[nodiscard]] std::vector<std::span<const std::uint64_t>> parts_by_node(const ClusterLinks& links,
                                                                        const GpuGroup& group);

inline constexpr GpuRange kAllGpus{0, ~std::uint64_t{0}};

/// A ring in each node over the members that a group has there: what `senders` of them send.
[[nodiscard]] LinkFlows flows_inside(const ClusterLinks& links, std::span<const GpuGroup> groups,
                                     GpuRange senders = kAllGpus);

/// Each member to that of the same place in the group's next node, from the last node to the first: what
/// rings over nodes carry, each on NICs of its own. A member without such a peer sends nothing.
[[nodiscard]] LinkFlows flows_across(const ClusterLinks& links, std::span<const GpuGroup> groups,
                                     GpuRange senders = kAllGpus);

/// The last member of a group in each node to its first in the next.
[[nodiscard]] LinkFlows flows_of_hop(const ClusterLinks& links, std::span<const GpuGroup> groups);

}  // namespace ppsim
