#include "ppsim/model/hardware/parallelism.hpp"

#include <fmt/format.h>

#include "core/int128.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {

GpuRange tensor_group(const Parallelism& parallelism, Rank rank, std::uint32_t replica) {
  PPSIM_ASSERT(index(rank) < parallelism.pipeline && replica < parallelism.replicas(),
               fmt::format("rank {} of {}, replica {} of {}", index(rank), parallelism.pipeline, replica,
                           parallelism.replicas()));
  const std::uint64_t group = std::uint64_t{index(rank)} * parallelism.replicas() + replica;
  return {group * parallelism.tensor, parallelism.tensor};
}

void check_fits(const Parallelism& parallelism, const Cluster& cluster) {
  const auto needed = static_cast<UInt128>(parallelism.tensor) * parallelism.pipeline * parallelism.data *
                      parallelism.context;
  PPSIM_ASSERT(needed > 0, "a parallel size of 0");
  if (needed > cluster.gpus()) {
    const std::string context =
        parallelism.context > 1 ? fmt::format(" x context {}", parallelism.context) : "";
    throw Error(
        "/parallelism",
        fmt::format(
            "tensor {}{} x pipeline {} x data {} GPUs; expected at most the cluster's {} ({} nodes of {})",
            parallelism.tensor, context, parallelism.pipeline, parallelism.data, cluster.gpus(),
            cluster.nodes, cluster.gpus_per_node));
  }
  if (cluster.gpus_per_node % parallelism.tensor != 0 && parallelism.tensor % cluster.gpus_per_node != 0)
    throw Error("/parallelism/tensor",
                fmt::format("{} does not fit nodes of {} GPUs; expected a divisor or a multiple of {}",
                            parallelism.tensor, cluster.gpus_per_node, cluster.gpus_per_node));
}

}  // namespace ppsim
