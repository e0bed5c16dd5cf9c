// The model: a transformer, or the costs of its layers.
#include <fmt/format.h>

#include "input/config/config_sections.hpp"

namespace ppsim {

namespace {

constexpr CountRange kHeads{1, 100'000};
constexpr CountRange kExpertCount{1, 100'000};
constexpr CountRange kParameters{0, 1'000'000'000'000'000};

Dtype read_dtype(const ObjectReader& section, std::string_view key = "dtype",
                 std::string_view absent = "bf16") {
  return static_cast<Dtype>(section.choice(key, kDtypeNames, absent));
}

LatentAttention read_latent_attention(const ObjectReader& section) {
  return {section.count("q_lora_rank", {0, kWidth.most}, 0), section.count("kv_lora_rank", kWidth),
          section.count("qk_nope_head_size", kWidth), section.count("qk_rope_head_size", {0, kWidth.most}, 0),
          section.count("v_head_size", kWidth)};
}

Experts read_experts(const ObjectReader& section, std::uint32_t layers) {
  Experts experts;
  experts.count = section.count("count", kExpertCount);
  experts.per_token = section.count("per_token", {1, experts.count});
  experts.shared = section.count("shared", {0, kExpertCount.most}, 0);
  experts.ffn_hidden = section.count("ffn_hidden", kWidth);
  experts.dense_layers = section.count("dense_layers", {0, layers - 1}, 0);
  experts.every = section.count("every", {1, layers}, 1);
  return experts;
}

// Latent attention has its own sizes of heads, and a key and a value for each.
void read_attention(const ObjectReader& section, Transformer& model) {
  model.heads = section.count("heads", kHeads);
  if (section.has("latent_attention")) {
    for (const char* key : {"kv_heads", "head_size"})
      if (section.has(key))
        throw section.error(key, "has no meaning with \"latent_attention\"; leave it out");
    model.kv_heads = model.heads;
    model.latent_attention = read_latent_attention(section.object("latent_attention"));
    return;
  }
  model.kv_heads = section.count("kv_heads", kHeads, model.heads);
  if (!section.has("head_size") && model.hidden % model.heads != 0)
    throw section.error("heads", fmt::format("{}; expected a divisor of hidden, {}, or a head_size",
                                             model.heads, model.hidden));
  model.head_size = section.count("head_size", kWidth, model.hidden / model.heads);
  if (model.heads % model.kv_heads != 0)
    throw section.error("kv_heads",
                        fmt::format("{}; expected a divisor of heads, {}", model.kv_heads, model.heads));
}

void read_mlp(const ObjectReader& section, Transformer& model) {
  model.gated_mlp = section.flag("gated_mlp", false);
  if (model.gated_mlp && !section.has("ffn_hidden"))
    throw section.error("missing key \"ffn_hidden\"; a gated MLP has no usual width");
  model.ffn_hidden = section.count("ffn_hidden", {1, 10 * kWidth.most}, std::uint64_t{4} * model.hidden);
  if (section.has("experts")) model.experts = read_experts(section.object("experts"), model.layers);
}

Transformer read_transformer(const ObjectReader& section) {
  Transformer model;
  model.layers = section.count("layers", kLayers);
  model.hidden = section.count("hidden", kWidth);
  read_attention(section, model);
  read_mlp(section, model);
  model.sequence_length = section.count("sequence_length", kTokens);
  model.vocabulary = section.count("vocabulary", kTokens);
  model.tied_embeddings = section.flag("tied_embeddings", true);
  model.dropout = section.flag("dropout", true);
  model.flash_attention = section.flag("flash_attention", false);
  model.dtype = read_dtype(section);
  model.compute_dtype = read_dtype(section, "compute_dtype", name(model.dtype));
  model.wire_dtype = read_dtype(section, "wire_dtype", name(model.dtype));
  return model;
}

LayerCost read_layer_cost(const ObjectReader& section) {
  return {section.quantity("forward", parse_flops), section.quantity("backward", parse_flops),
          section.quantity("activation", parse_bytes), section.quantity("output", parse_bytes),
          section.count<std::uint64_t>("parameters", kParameters)};
}

LayerCosts read_layer_costs(const ObjectReader& section) {
  const Json& list = section.value("layer_costs");
  if (!list.is_array() || list.empty())
    throw section.error("layer_costs", fmt::format("{}; expected a list of layers", shown(list)));
  LayerCosts costs;
  for (std::size_t i = 0; i < section.value("layer_costs").size(); ++i) {
    const ObjectReader entry = section.entry("layer_costs", i);
    const LayerCost layer = read_layer_cost(entry);
    const auto repeat = entry.count("repeat", kLayers, 1);
    if (costs.layers.size() + repeat > kLayers.most)
      throw entry.error(fmt::format("more than {} layers", kLayers.most));
    costs.layers.insert(costs.layers.end(), repeat, layer);
  }
  if (section.has("sequence_length")) costs.sequence_length = section.count("sequence_length", kTokens);
  costs.dtype = read_dtype(section);
  return costs;
}

}  // namespace

Model read_model(const ObjectReader& section) {
  if (section.has("transformer") == section.has("layer_costs"))
    throw section.error("expected either \"transformer\" or \"layer_costs\"");
  const std::string source = read_source(section);
  if (section.has("layer_costs")) {
    LayerCosts costs = read_layer_costs(section);
    costs.source = source;
    return costs;
  }
  for (const char* key : {"sequence_length", "dtype"})
    if (section.has(key)) throw section.error(key, "belongs into \"transformer\"");
  const ObjectReader inner = section.object("transformer");
  Transformer model = read_transformer(inner);
  model.source = join_sources(source, read_source(inner));
  return model;
}

}  // namespace ppsim
