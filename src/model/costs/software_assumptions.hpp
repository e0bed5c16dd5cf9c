/// What a prediction takes for granted of the software that runs the model.
#pragma once

#include <string>
#include <vector>

#include "model/layers/model_run.hpp"
#include "ppsim/model/layers/transformer.hpp"

namespace ppsim {

/// Launches, overheads and kernels; nothing where the run has none of them.
[[nodiscard]] std::vector<std::string> software_assumptions(const ModelRun& run, const Transformer& model);

/// "with no compute beside it", or which share of it computing hides. `them`: of several.
[[nodiscard]] std::string beside_compute(double hidden_share, bool them);

}  // namespace ppsim
