/// What a transformer must be so that its costs can be computed.
#pragma once

#include "model/layers/model_run.hpp"
#include "ppsim/model/layers/transformer.hpp"

namespace ppsim {

/// Throws Error (where: "/model/transformer/...") for sizes that no model has; (where: "/parallelism/...")
/// where the model does not split over the GPUs of the run.
void check_model(const ModelRun& run, const Transformer& model);

}  // namespace ppsim
