/// Workloads of the kinds of models.
#pragma once

#include "model/layers/model_run.hpp"
#include "ppsim/model/costs/workload.hpp"

namespace ppsim {

/// Times that the steps of a run need, for each kind of model.
[[nodiscard]] Workload make_transformer_workload(const ModelRun& run, const Transformer& model);
[[nodiscard]] Workload make_layer_costs_workload(const ModelRun& run, const LayerCosts& model);

/// Where an Error points that says why R cannot be an op of its own.
inline constexpr const char* kRecomputeAhead = "/schedule/recompute_ahead";

/// B of its halves, one after the other.
[[nodiscard]] OpCost whole_backward(const OpCost& input_grad, const OpCost& weight_grad);

}  // namespace ppsim
