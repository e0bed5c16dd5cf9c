/// What a stage keeps in memory on one GPU of its tensor group.
#pragma once

#include <span>

#include "model/layers/stage_parts.hpp"
#include "ppsim/model/costs/workload.hpp"

namespace ppsim {

/// Activations of one micro-batch.
struct ActivationMemory {
  double kept = 0;              ///< bytes, from forward to backward
  double kept_for_weights = 0;  ///< bytes that W still needs when I has ended; may be more than `kept`
  double recomputed = 0;        ///< bytes that recomputation makes again, of all layers together
};

[[nodiscard]] ActivationMemory activation_of(const Operators& operators);
[[nodiscard]] ActivationMemory activation_of(std::span<const StagePart> parts);

/// At most taken by a backward of the stage beside what is kept: what recomputation makes again, unless R has
/// made it before and it is kept, and the gradients on their way.
[[nodiscard]] double working_memory(const ModelRun& run, const Transformer& model,
                                    std::span<const StagePart> parts);

/// Bytes of the empty gradients that the framework holds: one in the model's type for each shape of a weight.
[[nodiscard]] double placeholder_memory(const Transformer& model, std::span<const StagePart> parts);

/// Parameters of a stage on one GPU: of routed experts, and all others.
struct StageParameters {
  double dense = 0;
  double routed = 0;
  double multiplied = 0;  ///< of both, those in products
};
[[nodiscard]] StageParameters parameters_of(std::span<const StagePart> parts);

/// GPUs that hold copies of a parameter: of all but routed experts, and of these.
struct Copies {
  double dense = 1;
  double routed = 1;
};
[[nodiscard]] Copies copies_of(const Parallelism& parallelism);

/// Bytes a parameter of what stays for the whole run, where nothing is shared out.
struct ParameterBytes {
  double weights = 0;
  double gradients = 0;
  double optimizer = 0;
};

/// Mixed precision (Micikevicius et al. 2018) with Adam: weights in `dtype`; in training a gradient, a master
/// copy of the weight unless it has that type itself, and two moments.
[[nodiscard]] ParameterBytes parameter_bytes(const ModelRun& run, Dtype dtype);

/// Bytes of copies in the type of products that each multiplied weight has, one for each of its two uses; 0
/// where products read the weights themselves.
[[nodiscard]] double quantized_bytes(const ModelRun& run, const Transformer& model);

/// Sets weights, gradients and optimizer of a stage, shared out among the copies by ZeRO.
void set_static_memory(StageCosts& stage, const ModelRun& run, Dtype dtype,
                       const StageParameters& parameters);

/// An optimizer step on one GPU; 0 where the GPU does not say how fast it moves bytes.
[[nodiscard]] Time optimizer_time(const ModelRun& run, Dtype dtype, const StageParameters& parameters);

}  // namespace ppsim
