/// A stage as the operators that it consists of.
#pragma once

#include <vector>

#include "model/layers/layer_operators.hpp"

namespace ppsim {

/// The pass of training and of prefill: all tokens of a micro-batch, each attending to all.
[[nodiscard]] Pass full_pass(const ModelRun& run, const Transformer& model);

struct StagePart {
  Operators operators;
  std::uint32_t layers = 0;  ///< of this kind; 0: an end of the model
  [[nodiscard]] double times() const { return layers == 0 ? 1 : layers; }
};

/// In the order of the forward: embedding, layers without experts, layers with, head; none that is empty.
[[nodiscard]] std::vector<StagePart> stage_parts(const ModelRun& run, const Transformer& model,
                                                 const StagePlace& place);

/// Of a stage's layers, those that have experts.
[[nodiscard]] std::uint32_t count_expert_layers(const Transformer& model, LayerRange layers);

/// One sample's hidden states on one GPU's wires, for `tokens` tokens of each sample of a micro-batch.
[[nodiscard]] Bytes hidden_bytes(const ModelRun& run, const Transformer& model, double tokens);

}  // namespace ppsim
