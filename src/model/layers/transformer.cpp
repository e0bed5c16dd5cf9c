#include "ppsim/model/layers/transformer.hpp"

namespace ppsim {

namespace {

std::uint64_t wide(std::uint32_t number) {
  return number;
}

// DeepSeek-V2, section 2.1: down to the latents (the shared position part of the keys beside theirs), a norm
// of each, up to the heads, and the projection back.
std::uint64_t latent_attention_parameters(const Transformer& model, const LatentAttention& latent) {
  const std::uint64_t h = model.hidden;
  const std::uint64_t queries = wide(model.heads) * latent.qk_head_size();
  const std::uint64_t q = latent.q_lora_rank;
  const std::uint64_t kv = latent.kv_lora_rank;
  const std::uint64_t make_queries = q > 0 ? h * q + q + q * queries : h * queries;
  const std::uint64_t keys_and_values =
      kv * model.heads * (wide(latent.qk_nope_head_size) + latent.v_head_size);
  return make_queries + h * (kv + latent.qk_rope_head_size) + kv + keys_and_values +
         wide(model.heads) * latent.v_head_size * h;
}

// Beside the matrices GPT style has a bias for each output.
std::uint64_t attention_parameters(const Transformer& model) {
  if (model.latent_attention) return latent_attention_parameters(model, *model.latent_attention);
  const std::uint64_t h = model.hidden;
  const std::uint64_t queries = wide(model.heads) * model.size_of_head();
  const std::uint64_t kv = wide(model.kv_heads) * model.size_of_head();
  const std::uint64_t biases = model.gated_mlp ? 0 : queries + 2 * kv + h;
  return h * (queries + 2 * kv) + queries * h + biases;
}

std::uint64_t mlp_parameters(const Transformer& model, std::uint32_t layer) {
  const std::uint64_t h = model.hidden;
  const std::uint64_t matrices = model.gated_mlp ? 3 : 2;
  if (model.has_experts(layer)) {
    const Experts& experts = *model.experts;
    const std::uint64_t router = h * experts.count;
    return router + (wide(experts.count) + experts.shared) * matrices * h * experts.ffn_hidden;
  }
  const std::uint64_t biases = model.gated_mlp ? 0 : model.ffn_hidden + h;
  return matrices * h * model.ffn_hidden + biases;
}

// GPT style norms have scale and shift, Llama style ones a scale.
std::uint64_t norm_parameters(const Transformer& model) {
  return wide(model.hidden) * (model.gated_mlp ? 1 : 2);
}

}  // namespace

bool Transformer::has_experts(std::uint32_t layer) const {
  if (!experts || layer < experts->dense_layers) return false;
  return (layer - experts->dense_layers + 1) % experts->every == 0;
}

std::uint32_t layer_count(const Model& model) {
  if (const auto* transformer = std::get_if<Transformer>(&model)) return transformer->layers;
  return static_cast<std::uint32_t>(std::get<LayerCosts>(model).layers.size());
}

// 12 h^2 + 13 h for a GPT with an MLP of 4 h: Narayanan et al. 2021, eq. 2.
std::uint64_t layer_parameters(const Transformer& model, std::uint32_t layer) {
  return attention_parameters(model) + mlp_parameters(model, layer) + 2 * norm_parameters(model);
}

std::uint64_t embedding_parameters(const Transformer& model) {
  const std::uint64_t positions = model.gated_mlp ? 0 : model.sequence_length;
  return (std::uint64_t{model.vocabulary} + positions) * model.hidden;
}

std::uint64_t head_parameters(const Transformer& model) {
  return std::uint64_t{model.vocabulary} * model.hidden;
}

std::uint64_t final_norm_parameters(const Transformer& model) {
  return norm_parameters(model);
}

std::uint64_t parameters(const Model& model) {
  std::uint64_t sum = 0;
  if (const auto* t = std::get_if<Transformer>(&model)) {
    for (std::uint32_t layer = 0; layer < t->layers; ++layer) sum += layer_parameters(*t, layer);
    return sum + embedding_parameters(*t) + final_norm_parameters(*t) +
           (t->tied_embeddings ? 0 : head_parameters(*t));
  }
  for (const LayerCost& layer : std::get<LayerCosts>(model).layers) sum += layer.parameters;
  return sum;
}

}  // namespace ppsim
