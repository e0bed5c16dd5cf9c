/// What a stage keeps in memory on one GPU of its tensor group.
#pragma once

#include "model_run.hpp"
#include "ppsim/model/transformer.hpp"

namespace ppsim {

/// Activations of one micro-batch.
struct ActivationMemory {
  double kept = 0;              ///< bytes, from forward to backward
  double kept_for_weights = 0;  ///< bytes that W still needs when I has ended; may be more than `kept`
};

[[nodiscard]] ActivationMemory layer_activation(const ModelRun& run, const Transformer& model);

/// Of a stage's layers, and of embedding and head where it has them.
[[nodiscard]] ActivationMemory stage_activation(const ModelRun& run, const Transformer& model,
                                                const StagePlace& place);

[[nodiscard]] double layer_parameters_per_gpu(const ModelRun& run, const Transformer& model);
[[nodiscard]] double stage_parameters_per_gpu(const ModelRun& run, const Transformer& model,
                                              const StagePlace& place);

/// Bytes a parameter of what stays for the whole run.
struct ParameterBytes {
  double weights = 0;
  double gradients = 0;
  double optimizer = 0;
};

/// Mixed precision (Micikevicius et al. 2018) with Adam: weights in `dtype`; in training gradients in fp32, a
/// master copy of the weights in fp32 unless they are fp32 themselves, two moments in fp32.
[[nodiscard]] ParameterBytes parameter_bytes(const ModelRun& run, Dtype dtype);

/// Sets weights, gradients and optimizer of a stage with so many parameters on a GPU.
void set_static_memory(StageCosts& stage, const ModelRun& run, Dtype dtype, double parameters);

}  // namespace ppsim
