/// How long the passes of a stage take.
#pragma once

#include <span>

#include "model/costs/gpu_clock.hpp"
#include "model/layers/stage_parts.hpp"

namespace ppsim {

/// One micro-batch through one operator.
struct OperatorTimes {
  Seconds forward{};
  Seconds recompute{};  ///< its forward again, in the backward
  Seconds input_grad{};
  Seconds weight_grad{};
};

[[nodiscard]] OperatorTimes operator_times(const GpuClock& clock, const Operator& op);

/// The same of collectives.
struct PassCollectives {
  CollectiveCost forward;
  CollectiveCost recompute;
  CollectiveCost input_grad;
  CollectiveCost weight_grad;

  PassCollectives& operator+=(const PassCollectives& other);
  friend PassCollectives operator*(double times, const PassCollectives& passes);
};

/// One micro-batch through one stage. `backward` holds `weight_grad` and the recomputation; where the host
/// launches more slowly than the GPU computes, its two halves may take longer than it does.
struct StageTimes {
  Seconds forward{};
  Seconds backward{};
  Seconds input_grad{};
  Seconds weight_grad{};
  Seconds recompute{};          ///< what `backward` takes more than it would without recomputation
  PassCollectives tensor_comm;  ///< tensor-parallel collectives in `forward` and `backward`
  PassCollectives other_comm;   ///< and others, of which some are in `weight_grad`
};

[[nodiscard]] GpuClock make_clock(const ModelRun& run, const Transformer& model);

[[nodiscard]] PassCollectives tensor_collectives(const ModelRun& run, const Transformer& model,
                                                 const StagePlace& place);

[[nodiscard]] StageTimes stage_times(const ModelRun& run, const Transformer& model, const StagePlace& place,
                                     std::span<const StagePart> parts);

/// FLOPs of a step over all micro-batches and replicas, without recomputation: backward twice the forward. In
/// inference: prefill and token steps.
[[nodiscard]] Flops model_flops(const ModelRun& run, const Transformer& model);

}  // namespace ppsim
