/// Data parallelism: the all-reduce of a stage's gradients at the end of a step.
#pragma once

#include <vector>

#include "model_run.hpp"

namespace ppsim {

/// What the ring of the slowest rank runs at. Requires more than one replica.
[[nodiscard]] Link gradient_ring_link(const ModelRun& run);

/// Sets each stage's all-reduce of its gradients among the replicas; one replica has nothing to reduce.
void set_gradient_reduction(const ModelRun& run, std::vector<StageCosts>& stages);

}  // namespace ppsim
