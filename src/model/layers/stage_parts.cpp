#include "model/layers/stage_parts.hpp"

namespace ppsim {

Pass full_pass(const ModelRun& run, const Transformer& model) {
  const double tokens = model.sequence_length;
  return {static_cast<double>(run.parallelism.micro_batch_size), tokens, tokens};
}

std::uint32_t count_expert_layers(const Transformer& model, LayerRange layers) {
  std::uint32_t count = 0;
  for (std::uint32_t layer = layers.first; layer < layers.first + layers.count; ++layer)
    count += model.has_experts(layer) ? 1 : 0;
  return count;
}

std::vector<StagePart> stage_parts(const ModelRun& run, const Transformer& model, const StagePlace& place) {
  const Pass pass = full_pass(run, model);
  const std::uint32_t experts = count_expert_layers(model, place.layers);
  const std::uint32_t dense = place.layers.count - experts;
  std::vector<StagePart> parts;
  if (place.embedding) parts.push_back({embedding_operators(run, model, pass), 0});
  if (dense > 0) parts.push_back({layer_operators(run, model, false, pass), dense});
  if (experts > 0) parts.push_back({layer_operators(run, model, true, pass), experts});
  if (place.head) parts.push_back({head_operators(run, model, pass), 0});
  return parts;
}

Bytes hidden_bytes(const ModelRun& run, const Transformer& model, double tokens) {
  const double elements = run.parallelism.micro_batch_size * tokens * model.hidden;
  return to_bytes(elements * element_bytes(model.sent_dtype()));
}

}  // namespace ppsim
