// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Report: every figure of one run, as plain values. io writes it as a table or as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/metrics/bubbles.hpp"
#include "ppsim/metrics/memory.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// The makespan's share of one of the optimizer steps that it took, rounded half up.
[[nodiscard]] Time step_time(Time makespan, std::uint32_t steps);

struct RankReport {
  RankBubbles bubbles;
  Time tensor_comm{};  ///< tensor-parallel collectives inside busy
  Time other_comm{};   ///< collectives of experts, context and ZeRO inside busy
  Bytes peak_activation;
  std::uint32_t peak_activation_count = 0;
  Time peak_activation_at{};
  Bytes kv_cache;  ///< inference
  Bytes weights;
  Bytes gradients;
  Bytes optimizer;
  Bytes buffers;
  Bytes working;                         ///< of a pass while it runs
  Bytes peak_memory;                     ///< static + activation + KV cache + working, as reserved on the GPU
  std::optional<Bytes> measured_memory;  ///< of a replay on GPUs: allocated at the most
  std::vector<Stage> stages;
  std::vector<LayerRange> layers;  ///< of those stages; count 0: not known

  [[nodiscard]] Bytes static_bytes() const { return weights + gradients + optimizer + buffers; }
  /// Of peak_memory, what is reserved beyond what is allocated.
  [[nodiscard]] Bytes reserve() const {
    return peak_memory - static_bytes() - peak_activation - kv_cache - working;
  }
};

struct Report {
  std::string schedule;
  std::uint32_t ranks = 0;
  std::uint32_t stages = 0;
  std::uint32_t micro_batches = 0;  ///< of a step, whole ones; inference: requests
  std::uint32_t slices = 1;         ///< that each micro-batch's sequence is cut into
  std::uint32_t steps = 1;          ///< optimizer steps that the run takes
  bool forward_only = false;
  std::uint32_t decode_steps = 0;

  Time makespan{};
  Time max_rank_span{};
  double bubble_fraction = 0;
  double bubble_ratio = 0;
  double span_bubble_fraction = 0;
  double tensor_comm_fraction = 0;  ///< tensor-parallel collectives' share of busy time
  double other_comm_fraction = 0;   ///< and that of the collectives of experts, context and ZeRO

  std::optional<double> tokens_per_second;
  std::optional<double> mfu;          ///< model FLOPs / (makespan x peak of all GPUs used)
  std::optional<Bytes> gpu_memory;    ///< capacity
  std::optional<std::uint64_t> gpus;  ///< empty: costs given outright
  std::vector<RankReport> per_rank;   ///< [P]
  std::vector<std::string> assumptions;

  /// The makespan's share of one optimizer step.
  [[nodiscard]] Time step_time() const;
  /// The largest peak_memory of a rank.
  [[nodiscard]] Bytes peak_memory() const;
  /// False where a rank needs more than gpu_memory; true where the capacity is not known.
  [[nodiscard]] bool fits() const;
};

/// Everything of one run: `graph` lowered from `schedule` on `workload`, `bubbles` and `memory` [P] measured
/// on its timeline.
[[nodiscard]] Report make_report(const Schedule& schedule, const Workload& workload, const OpGraph& graph,
                                 const Bubbles& bubbles, const std::vector<RankMemory>& memory);

}  // namespace ppsim
