/// What a prediction takes for granted, as sentences with the figures of the run.
#pragma once

#include <string>
#include <vector>

#include "model/layers/model_run.hpp"
#include "ppsim/model/layers/transformer.hpp"

namespace ppsim {

/// Each requires input that make_*_workload() has accepted.
[[nodiscard]] std::vector<std::string> transformer_assumptions(const ModelRun& run, const Transformer& model);
[[nodiscard]] std::vector<std::string> layer_costs_assumptions(const ModelRun& run, const LayerCosts& model);

}  // namespace ppsim
