/// Data parallelism: what the replicas exchange at the end of a step.
#pragma once

#include <span>
#include <vector>

#include "memory_model.hpp"
#include "model_run.hpp"

namespace ppsim {

/// What the ring of the slowest rank runs at. Requires more than one replica.
[[nodiscard]] Link gradient_ring_link(const ModelRun& run);

/// Sets the time of each stage's reduction of gradients among its replicas, `parameters` [S] of weights in
/// `dtype`; one replica has nothing to reduce.
void set_gradient_reduction(const ModelRun& run, Dtype dtype, std::span<const StageParameters> parameters,
                            std::vector<StageCosts>& stages);

}  // namespace ppsim
