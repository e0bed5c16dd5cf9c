/// How a model is spread over a cluster, and which GPU plays which part.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ppsim/core/ids.hpp"
#include "ppsim/model/cluster.hpp"

namespace ppsim {

enum class Recompute : std::uint8_t { None, Selective, Full };

[[nodiscard]] std::string_view name(Recompute recompute);  ///< "none", "selective", "full"

struct Parallelism {
  std::uint32_t tensor = 1;
  std::uint32_t pipeline = 1;
  std::uint32_t data = 1;
  std::uint32_t virtual_stages = 1;
  std::uint32_t micro_batch_size = 1;  ///< samples
  std::uint32_t micro_batches = 1;     ///< a step and data-parallel replica; in inference: requests
  Recompute recompute = Recompute::None;
  bool sequence_parallel = false;               ///< Korthikanti et al. 2022, section 4.2.2
  std::vector<std::uint32_t> layers_per_stage;  ///< [S] explicit; empty: even
};

/// Half-open range of GPUs, numbered node by node.
struct GpuRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

/// GPUs of the tensor group that plays pipeline rank `rank` in data-parallel replica `replica`, as Megatron
/// orders them: tensor innermost, then data, pipeline outermost.
[[nodiscard]] GpuRange tensor_group(const Parallelism& parallelism, Rank rank, std::uint32_t replica);

/// Throws Error (where: the config key under `parallelism`) unless T x P x D GPUs exist, and the tensor size
/// divides a node's GPUs or is a multiple of them, so that all tensor groups are alike.
void check_fits(const Parallelism& parallelism, const Cluster& cluster);

}  // namespace ppsim
