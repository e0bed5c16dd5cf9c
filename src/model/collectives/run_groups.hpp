/// The groups of GPUs that a run's collectives go over.
#pragma once

#include <array>

#include "model/hardware/group_blocks.hpp"
#include "ppsim/model/collectives/collectives.hpp"

namespace ppsim {

/// Of each kind the slowest group of all ranks, so that the costs of a stage do not depend on the rank that
/// holds it. Blocks of groups are taken not to meet on a
/// NIC, a PCIe switch or a leaf.
struct RunGroups {
  std::array<GroupLinks, kGroupKinds> links;

  [[nodiscard]] const GroupLinks& of(GroupKind kind) const { return links[static_cast<std::size_t>(kind)]; }
};

/// Requires sizes that check_fits() accepted; a group that does not divide a rank's GPUs is left as one GPU.
[[nodiscard]] RunGroups make_run_groups(const Cluster& cluster, const Parallelism& parallelism);

}  // namespace ppsim
