/// What a transformer must be so that its costs can be computed.
#pragma once

#include "model/layers/model_run.hpp"
#include "ppsim/model/layers/transformer.hpp"

namespace ppsim {

/// Throws Error (where: "/model/transformer/...").
void check_transformer(const Transformer& model);

/// Throws Error (where: "/parallelism/...") where the model does not split over the GPUs of a run.
void check_split(const Transformer& model, const ModelRun& run);

}  // namespace ppsim
