/// The groups of GPUs that a run's collectives go over.
#pragma once

#include <cstdint>

#include "ppsim/model/collectives.hpp"

namespace ppsim {

/// Of each kind the slowest group of all ranks, so that the costs of a stage do not depend on the rank that
/// holds it. Blocks of groups are taken not to meet on a
/// NIC, a PCIe switch or a leaf.
struct RunGroups {
  GroupLinks tensor;
  GroupLinks context;          ///< parts of a sequence
  GroupLinks expert;           ///< parts of a layer's routed experts
  GroupLinks replicas;         ///< GPUs that hold the same weights, of all but routed experts,
  GroupLinks expert_replicas;  ///< and of these
};

/// Requires sizes that check_fits() accepted; a group that does not divide a rank's GPUs is left as one GPU.
[[nodiscard]] RunGroups make_run_groups(const Cluster& cluster, const Parallelism& parallelism);

}  // namespace ppsim
