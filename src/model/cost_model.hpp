/// How long the passes of a stage take.
#pragma once

#include "model_run.hpp"
#include "ppsim/model/transformer.hpp"
#include "products.hpp"

namespace ppsim {

/// One micro-batch through one stage. `backward` holds `weight_grad` and the recomputation.
struct StageTimes {
  Seconds forward{};
  Seconds backward{};
  Seconds weight_grad{};
  Seconds forward_comm{};   ///< tensor-parallel collectives in `forward`
  Seconds backward_comm{};  ///< and in `backward`
};

/// The pass of training and of prefill: all tokens of a micro-batch, each attending to all.
[[nodiscard]] Pass full_pass(const ModelRun& run, const Transformer& model);

/// One sample's hidden states on one GPU, for `tokens` tokens a sample of a micro-batch.
[[nodiscard]] Bytes hidden_bytes(const ModelRun& run, const Transformer& model, double tokens);

[[nodiscard]] StageTimes stage_times(const ModelRun& run, const Transformer& model, const StagePlace& place);

/// FLOPs of a step over all micro-batches and replicas, without recomputation: backward twice the forward. In
/// inference: prefill and token steps.
[[nodiscard]] Flops model_flops(const ModelRun& run, const Transformer& model);

}  // namespace ppsim
