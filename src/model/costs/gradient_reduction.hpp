/// Data parallelism: what the GPUs that hold copies of a weight exchange, once a step and, with ZeRO 2 and 3,
/// for every micro-batch.
#pragma once

#include "model/costs/memory_model.hpp"
#include "model/layers/model_run.hpp"

namespace ppsim {

/// Sets what a stage's replicas exchange at the end of a step, `parameters` of weights in `dtype`; one
/// replica has nothing to exchange.
void set_gradient_reduction(StageCosts& stage, const ModelRun& run, Dtype dtype,
                            const StageParameters& parameters);

/// ZeRO 3: weights from all that hold a part of them. Nothing below it.
[[nodiscard]] CollectiveCost parameter_gathering(const ModelRun& run, Dtype dtype,
                                                 const StageParameters& parameters);

/// ZeRO 2 and 3: each GPU gets the sum of its part of the gradients. Nothing below them.
[[nodiscard]] CollectiveCost gradient_scattering(const ModelRun& run, Dtype dtype,
                                                 const StageParameters& parameters);

}  // namespace ppsim
