#include "ppsim/model/transformer.hpp"

namespace ppsim {

std::uint32_t layer_count(const Model& model) {
  if (const auto* transformer = std::get_if<Transformer>(&model)) return transformer->layers;
  return static_cast<std::uint32_t>(std::get<LayerCosts>(model).layers.size());
}

// Matrices: QKV, projection, MLP. Beside them GPT style has a bias for each output and two norms with scale
// and shift (13 h for an MLP of 4 h: Narayanan et al. 2021, eq. 2), Llama style (gated) two norms with a
// scale and no bias.
std::uint64_t layer_parameters(const Transformer& model) {
  const std::uint64_t h = model.hidden;
  const std::uint64_t f = model.ffn_hidden;
  const std::uint64_t kv = h / model.heads * model.kv_heads;
  const std::uint64_t attention = h * (h + 2 * kv) + h * h;
  if (model.gated_mlp) return attention + 3 * h * f + 2 * h;
  const std::uint64_t biases = (h + 2 * kv) + h + f + h;
  return attention + 2 * h * f + biases + 4 * h;
}

std::uint64_t embedding_parameters(const Transformer& model) {
  const std::uint64_t positions = model.gated_mlp ? 0 : model.sequence_length;
  return (std::uint64_t{model.vocabulary} + positions) * model.hidden;
}

std::uint64_t head_parameters(const Transformer& model) {
  return std::uint64_t{model.vocabulary} * model.hidden;
}

std::uint64_t final_norm_parameters(const Transformer& model) {
  return std::uint64_t{model.hidden} * (model.gated_mlp ? 1 : 2);
}

std::uint64_t parameters(const Model& model) {
  if (const auto* t = std::get_if<Transformer>(&model))
    return t->layers * layer_parameters(*t) + embedding_parameters(*t) + final_norm_parameters(*t) +
           (t->tied_embeddings ? 0 : head_parameters(*t));
  std::uint64_t sum = 0;
  for (const LayerCost& layer : std::get<LayerCosts>(model).layers) sum += layer.parameters;
  return sum;
}

}  // namespace ppsim
