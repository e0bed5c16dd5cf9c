/// What the GPUs of a group cross to reach one another.
#pragma once

#include <vector>

#include "ppsim/model/network.hpp"
#include "run_groups.hpp"

namespace ppsim {

/// Of the groups of a kind that a rank's GPUs `senders` are in: each GPU to the next one of its group in its
/// node, and to the one of its place in the next node. By link, ascending.
[[nodiscard]] std::vector<GroupUse> group_uses(const Cluster& cluster, const Parallelism& parallelism,
                                               GroupKind kind, GpuRange rank, GpuRange senders);

}  // namespace ppsim
