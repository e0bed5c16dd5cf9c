/// The model to train or serve: a dense transformer (GPT or Llama style), or explicit costs of its layers.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/model/cluster.hpp"

namespace ppsim {

struct Transformer {
  std::uint32_t layers = 0;
  std::uint32_t hidden = 0;
  std::uint32_t heads = 0;
  std::uint32_t kv_heads = 0;         ///< = heads: multi-head; fewer: grouped-query attention
  std::uint32_t ffn_hidden = 0;       ///< width of the MLP; GPT: 4 x hidden
  bool gated_mlp = false;             ///< Llama style: three MLP matrices instead of two
  std::uint32_t sequence_length = 0;  ///< tokens of one sample; in inference, of the prompt
  std::uint32_t vocabulary = 0;
  bool tied_embeddings =
      true;                   ///< head and embedding share their weights (a copy on each end of the pipeline)
  Dtype dtype = Dtype::Bf16;  ///< of weights, activations and matrix products
  std::string source;
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
/// of the head. GPT style (no gated MLP) counts biases, Llama style has none.
[[nodiscard]] std::uint64_t layer_parameters(const Transformer& model);
[[nodiscard]] std::uint64_t embedding_parameters(const Transformer& model);
[[nodiscard]] std::uint64_t final_norm_parameters(const Transformer& model);
[[nodiscard]] std::uint64_t head_parameters(const Transformer& model);

/// Parameters of the whole model; embedding and head are one where tied.
[[nodiscard]] std::uint64_t parameters(const Model& model);

}  // namespace ppsim
