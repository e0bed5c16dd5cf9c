// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// The model to train or serve: a transformer (GPT, Llama or DeepSeek style, dense or with experts), or
/// explicit costs of its layers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/model/hardware/cluster.hpp"

namespace ppsim {

/// Multi-head latent attention (DeepSeek-AI 2024, DeepSeek-V2, section 2.1): queries, keys and values are
/// made from narrow latents; a part of each query and key, which all heads' keys share, carries the position.
struct LatentAttention {
  std::uint32_t q_lora_rank =
      0;  ///< width of the queries' latent; 0: queries straight from the hidden states
  std::uint32_t kv_lora_rank = 0;
  std::uint32_t qk_nope_head_size = 0;
  std::uint32_t qk_rope_head_size = 0;
  std::uint32_t v_head_size = 0;

  [[nodiscard]] std::uint32_t qk_head_size() const { return qk_nope_head_size + qk_rope_head_size; }
};

/// Mixture of experts in place of the MLP (DeepSeek-AI 2024, DeepSeekMoE, section 3).
struct Experts {
  std::uint32_t count = 0;         ///< routed experts of a layer
  std::uint32_t per_token = 0;     ///< of which each token visits so many (top-k)
  std::uint32_t shared = 0;        ///< experts beside them that every token visits
  std::uint32_t ffn_hidden = 0;    ///< width of each
  std::uint32_t dense_layers = 0;  ///< first layers, which have an MLP of ffn_hidden instead
  std::uint32_t every = 1;         ///< of the layers behind them every so-many-th has experts
};

struct Transformer {
  std::uint32_t layers = 0;
  std::uint32_t hidden = 0;
  std::uint32_t heads = 0;
  std::uint32_t kv_heads = 0;         ///< = heads: multi-head; fewer: grouped-query attention
  std::uint32_t head_size = 0;        ///< 0: hidden / heads
  std::uint32_t ffn_hidden = 0;       ///< width of the MLP; GPT: 4 x hidden
  bool gated_mlp = false;             ///< Llama style: three MLP matrices instead of two
  std::uint32_t sequence_length = 0;  ///< tokens of one sample; in inference, of the prompt
  std::uint32_t vocabulary = 0;
  bool tied_embeddings =
      true;             ///< head and embedding share their weights (a copy on each end of the pipeline)
  bool dropout = true;  ///< after softmax, attention, MLP and embedding, each with a mask to keep
  bool flash_attention = false;  ///< one kernel, which keeps no scores and computes the causal half of them
  Dtype dtype = Dtype::Bf16;     ///< of weights, activations and matrix products
  std::optional<Dtype> compute_dtype;  ///< of products with weights and of their inputs; empty: `dtype`
  std::optional<Dtype> wire_dtype;     ///< of hidden states on their way to other GPUs; empty: `dtype`
  std::optional<LatentAttention> latent_attention;  ///< then kv_heads and head_size have no meaning
  std::optional<Experts> experts;
  std::string source;

  [[nodiscard]] Dtype product_dtype() const { return compute_dtype.value_or(dtype); }
  [[nodiscard]] Dtype sent_dtype() const { return wire_dtype.value_or(dtype); }
  [[nodiscard]] std::uint32_t size_of_head() const { return head_size > 0 ? head_size : hidden / heads; }
  [[nodiscard]] bool has_experts(std::uint32_t layer) const;  ///< layers count from 0
};

/// One layer given by its costs, all per sample (one sequence) and for the whole layer, before tensor
/// parallelism.
struct LayerCost {
  Flops forward;
  Flops backward;
  Bytes activation;  ///< kept from forward to backward
  Bytes output;      ///< boundary to the next layer
  std::uint64_t parameters = 0;
};

struct LayerCosts {
  std::vector<LayerCost> layers;      ///< [layers], groups with `repeat` written out
  std::uint32_t sequence_length = 0;  ///< tokens of one sample, for tokens a second; 0: not known
  Dtype dtype = Dtype::Bf16;
  std::string source;
};

using Model = std::variant<Transformer, LayerCosts>;

[[nodiscard]] std::uint32_t layer_count(const Model& model);

/// Parameters of one layer; of the embedding (GPT style: learned positions too); of the norm before the head;
/// of the head. GPT style (no gated MLP) counts biases, Llama style has none; nor have experts and latent
/// attention.
[[nodiscard]] std::uint64_t layer_parameters(const Transformer& model, std::uint32_t layer = 0);
[[nodiscard]] std::uint64_t embedding_parameters(const Transformer& model);
[[nodiscard]] std::uint64_t final_norm_parameters(const Transformer& model);
[[nodiscard]] std::uint64_t head_parameters(const Transformer& model);

/// Parameters of the whole model; embedding and head are one where tied.
[[nodiscard]] std::uint64_t parameters(const Model& model);

}  // namespace ppsim
