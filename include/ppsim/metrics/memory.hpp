// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Memory over time, per rank.
#pragma once

#include <cstdint>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "ppsim/schedule/placement.hpp"

namespace ppsim {

/// From `at` on, a rank holds `bytes` of activations (in inference: of KV cache) of `count` (stage,
/// micro-batch) pairs.
struct MemoryStep {
  Time at{};
  Bytes bytes;
  std::uint32_t count = 0;

  friend bool operator==(const MemoryStep&, const MemoryStep&) = default;
};

struct RankMemory {
  /// Ascending in time; what happens at one instant is one step (its end state), and none where nothing does.
  std::vector<MemoryStep> steps;
  Bytes peak_activation;
  std::uint32_t peak_count = 0;  ///< most live pairs
  Time peak_at{};                ///< first time at which peak_activation is held
  Bytes kv_cache;                ///< inference: at the end
  Bytes static_bytes;            ///< weights, gradients, optimizer state, buffers of the stages held
  Bytes working;                 ///< the most that a pass of one of them takes while it runs
  Bytes peak_total;              ///< static + peak activation + KV cache + working, as reserved on the GPU
};

/// Allocated when F starts, freed when B ends (I: the part that W does not need, W: the rest). On one rank
/// what ends is freed before what starts at the same instant allocates; in a pair F counts before B. EVICT
/// and LOAD take room where they go to when they start, and give it back where they come from when they end.
/// Inference keeps no activations (one pair live during F) and grows the KV cache with each F's end.
[[nodiscard]] std::vector<RankMemory> measure_memory(const OpGraph& graph, const Timeline& timeline,
                                                     const Schedule& schedule, const Workload& workload);

}  // namespace ppsim
