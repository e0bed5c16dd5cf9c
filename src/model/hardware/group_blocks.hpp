/// Where the groups of GPUs lie that a run's collectives go over.
#pragma once

#include <cstdint>

#include "ppsim/model/hardware/parallelism.hpp"

namespace ppsim {

/// Where the groups of a kind lie: a rank's GPUs, all replicas, in blocks of consecutive ones, of which every
/// `side_by_side`-th belong together. {1, 1} where each GPU is a group of its own.
struct GroupBlocks {
  std::uint64_t block = 1;
  std::uint64_t side_by_side = 1;
};
[[nodiscard]] GroupBlocks group_blocks(const Parallelism& parallelism, GroupKind kind);

}  // namespace ppsim
