/// How long the passes of a stage take.
#pragma once

#include <span>

#include "gpu_clock.hpp"
#include "stage_parts.hpp"

namespace ppsim {

/// One micro-batch through one operator.
struct OperatorTimes {
  Seconds forward{};
  Seconds recompute{};  ///< its forward again, in the backward
  Seconds input_grad{};
  Seconds weight_grad{};
};

[[nodiscard]] OperatorTimes operator_times(const GpuClock& clock, const Operator& op);

/// One micro-batch through one stage. `backward` holds `weight_grad` and the recomputation.
struct StageTimes {
  Seconds forward{};
  Seconds backward{};
  Seconds weight_grad{};
  Seconds forward_comm{};      ///< tensor-parallel collectives in `forward`
  Seconds backward_comm{};     ///< and in `backward`
  OperatorTimes other_comm{};  ///< other collectives in `forward`, in `backward`, and of these in
                               ///< `weight_grad`
};

[[nodiscard]] GpuClock make_clock(const ModelRun& run, const Transformer& model);

/// Tensor-parallel collectives of a stage.
struct StageComm {
  Seconds forward{};
  Seconds recompute{};  ///< those of the layers' forward again
  Seconds backward{};   ///< without `recompute`
};
[[nodiscard]] StageComm stage_comm(const ModelRun& run, const Transformer& model, const StagePlace& place);

[[nodiscard]] StageTimes stage_times(const ModelRun& run, const Transformer& model, const StagePlace& place,
                                     std::span<const StagePart> parts);

/// FLOPs of a step over all micro-batches and replicas, without recomputation: backward twice the forward. In
/// inference: prefill and token steps.
[[nodiscard]] Flops model_flops(const ModelRun& run, const Transformer& model);

}  // namespace ppsim
