/// Data parallelism: what the GPUs that hold copies of a weight exchange, once a step and, with ZeRO 2 and 3,
/// for every micro-batch.
#pragma once

#include <span>
#include <vector>

#include "memory_model.hpp"
#include "model_run.hpp"

namespace ppsim {

/// Sets the time of what a stage's replicas exchange at the end of a step, `parameters` [S] of weights in
/// `dtype`; one replica has nothing to exchange.
void set_gradient_reduction(const ModelRun& run, Dtype dtype, std::span<const StageParameters> parameters,
                            std::vector<StageCosts>& stages);

/// ZeRO 3: weights from all that hold a part of them. 0 below it.
[[nodiscard]] Seconds gathering_time(const ModelRun& run, Dtype dtype, const StageParameters& parameters);

/// ZeRO 2 and 3: each GPU gets the sum of its part of the gradients. 0 below them.
[[nodiscard]] Seconds scattering_time(const ModelRun& run, Dtype dtype, const StageParameters& parameters);

}  // namespace ppsim
