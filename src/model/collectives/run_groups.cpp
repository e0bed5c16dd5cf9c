#include "model/collectives/run_groups.hpp"

#include <algorithm>
#include <numeric>

namespace ppsim {

namespace {

class Placement {
 public:
  Placement(const Cluster& cluster, const Parallelism& parallelism)
      : cluster_(cluster),
        rank_(std::uint64_t{parallelism.tensor} * parallelism.replicas()),
        gpus_(rank_ * parallelism.pipeline) {}

  /// GPUs of a rank, all replicas.
  [[nodiscard]] std::uint64_t rank() const { return rank_; }

  [[nodiscard]] GroupLinks slowest(std::uint64_t block, std::uint64_t side_by_side) const {
    if (block == side_by_side || rank_ % block != 0 || block % side_by_side != 0) return {};
    GroupLinks result = group_links(cluster_, GpuRange{0, block}, side_by_side);
    for (std::uint64_t i = 1; i < distinct(block); ++i)
      result = slower(result, group_links(cluster_, GpuRange{i * block, block}, side_by_side));
    return result;
  }

 private:
  // Behind these, blocks lie in their nodes as those before them do; but not under their leaves, which those
  // that keep to a node do not see.
  [[nodiscard]] std::uint64_t distinct(std::uint64_t block) const {
    const std::uint64_t in_step = std::gcd<std::uint64_t>(block, cluster_.gpus_per_node);
    if (cluster_.fabric && in_step < block) return gpus_ / block;
    return std::min(cluster_.gpus_per_node / in_step, gpus_ / block);
  }

  const Cluster& cluster_;
  std::uint64_t rank_;
  std::uint64_t gpus_;
};

}  // namespace

RunGroups make_run_groups(const Cluster& cluster, const Parallelism& parallelism) {
  const Placement placement(cluster, parallelism);
  RunGroups groups;
  for (std::size_t kind = 0; kind < kGroupKinds; ++kind) {
    const GroupBlocks blocks = group_blocks(parallelism, static_cast<GroupKind>(kind));
    groups.links[kind] = placement.slowest(blocks.block, blocks.side_by_side);
  }
  return groups;
}

}  // namespace ppsim
