// The fields of a model: a transformer, or the costs of its layers.
#include <fmt/format.h>

#include <algorithm>

#include "input/config/config_sections.hpp"
#include "input/config/schema_rules.hpp"
#include "input/config/tables.hpp"

namespace ppsim {

namespace {

constexpr CountRange kHeads{1, 100'000};
constexpr CountRange kExpertCount{1, 100'000};
constexpr CountRange kParameters{0, 1'000'000'000'000'000};

constexpr auto kLatentRows = row::rows<LatentAttention>(
    row::count<&LatentAttention::q_lora_rank>("q_lora_rank", {0, kWidth.most}, 0,
                                              "Width of the queries' latent; 0: none"),
    row::count<&LatentAttention::kv_lora_rank>("kv_lora_rank", kWidth, {},
                                               "Width of the latent of keys and values"),
    row::count<&LatentAttention::qk_nope_head_size>("qk_nope_head_size", kWidth, {},
                                                    "Width of a head's query and key without position"),
    row::count<&LatentAttention::qk_rope_head_size>("qk_rope_head_size", {0, kWidth.most}, 0,
                                                    "Width of their part that carries the position"),
    row::count<&LatentAttention::v_head_size>("v_head_size", kWidth, {}, "Width of a head's value"));
constexpr TableOf<LatentAttention> kLatentFields{{kLatentRows}};

// Bounds that follow from the model are narrower than those of the rows.
template <auto Member>
void read_up_to(const ObjectReader& section, const Field& field, Transformer& model, std::uint64_t most) {
  (*model.experts).*Member = section.count(field.name, {field.counts.least, most});
}
void read_per_token(const ObjectReader& section, const Field& field, Transformer& model) {
  read_up_to<&Experts::per_token>(section, field, model, model.experts->count);
}
void read_dense_layers(const ObjectReader& section, const Field& field, Transformer& model) {
  read_up_to<&Experts::dense_layers>(section, field, model, model.layers - 1);
}
void read_every(const ObjectReader& section, const Field& field, Transformer& model) {
  read_up_to<&Experts::every>(section, field, model, model.layers);
}

constexpr auto kExpertsRows = row::rows<Transformer>(
    row::count<&Transformer::experts, &Experts::count>("count", kExpertCount, {},
                                                       "Routed experts of a layer"),
    row::custom<Transformer, &read_per_token>({.name = "per_token",
                                               .type = ValueType::Count,
                                               .counts = kExpertCount,
                                               .help = "Routed experts that each token visits"}),
    row::count<&Transformer::experts, &Experts::shared>("shared", {0, kExpertCount.most}, 0,
                                                        "Experts beside them that every token visits"),
    row::count<&Transformer::experts, &Experts::ffn_hidden>("ffn_hidden", kWidth, {}, "Width of an expert"),
    row::custom<Transformer, &read_dense_layers>({.name = "dense_layers",
                                                  .type = ValueType::Count,
                                                  .counts = {0, kLayers.most - 1},
                                                  .absent = 0,
                                                  .help = "First layers, with an MLP instead"}),
    row::custom<Transformer, &read_every>(
        {.name = "every",
         .type = ValueType::Count,
         .counts = kLayers,
         .absent = 1,
         .help = "Of the layers behind them, every so-many-th has experts"}));
constexpr TableOf<Transformer> kExpertsFields{{kExpertsRows}};

void read_experts(const ObjectReader& section, const Field& field, Transformer& model) {
  model.experts.emplace();
  read_fields(section.object(field.name), kExpertsFields, model);
}

// Latent attention has its own sizes of heads, and a key and a value for each.
constexpr KeyScope kPlainAttention{1, "has no meaning with \"latent_attention\"; leave it out",
                                   "without latent_attention"};

Json own_heads(const Transformer& model) {
  return model.heads;
}
// At least 1; read_transformer() says what is wrong where it is not exact.
Json share_of_hidden(const Transformer& model) {
  return std::max(model.hidden / model.heads, 1U);
}
Json four_times_hidden(const Transformer& model) {
  return std::uint64_t{4} * model.hidden;
}
Json own_dtype(const Transformer& model) {
  return name(model.dtype);
}

constexpr auto kTransformerRows = row::rows<Transformer>(
    row::kSchema, row::kDescription, row::kSource,
    row::count<&Transformer::layers>("layers", kLayers, {}, "Layers of the model"),
    row::count<&Transformer::hidden>("hidden", kWidth, {}, "Width of the model"),
    row::count<&Transformer::heads>("heads", kHeads, {},
                                    "Attention heads, a divisor of hidden unless head_size is given"),
    row::count<&Transformer::kv_heads>("kv_heads", kHeads, row::computed<Transformer, &own_heads>("heads"),
                                       "Heads of keys and values, a divisor of heads")
        .only(kPlainAttention),
    row::count<&Transformer::head_size>("head_size", kWidth,
                                        row::computed<Transformer, &share_of_hidden>("hidden / heads"),
                                        "Width of a head")
        .only(kPlainAttention),
    row::object<&Transformer::latent_attention>(
        "latent_attention", kLatentFields, Absent::none("none"),
        "Queries, keys and values made from narrow latents (DeepSeek)"),
    row::count<&Transformer::ffn_hidden>("ffn_hidden", {1, 10 * kWidth.most},
                                         row::computed<Transformer, &four_times_hidden>("4 x hidden"),
                                         "Width of the MLP; must be given with gated_mlp"),
    row::flag<&Transformer::gated_mlp>("gated_mlp", false, "Three matrices in the MLP instead of two"),
    row::custom<Transformer, &read_experts>({.name = "experts",
                                             .kind = KeyKind::Object,
                                             .table = &kExpertsFields,
                                             .absent = Absent::none("none"),
                                             .help = "Mixture of experts in place of the MLP"}),
    row::count<&Transformer::sequence_length>("sequence_length", kTokens, {},
                                              "Tokens of one sample; in inference, of the prompt"),
    row::count<&Transformer::vocabulary>("vocabulary", kTokens, {}, "Tokens that there are"),
    row::flag<&Transformer::tied_embeddings>("tied_embeddings", true,
                                             "Embedding and head share their weights"),
    row::flag<&Transformer::dropout>("dropout", true,
                                     "After softmax, attention, MLP and embedding, each with a mask to keep"),
    row::flag<&Transformer::flash_attention>(
        "flash_attention", false, "One kernel, which keeps no scores and computes the causal half of them"),
    row::choice<&Transformer::dtype>("dtype", name(Dtype::Bf16),
                                     "Type of weights, activations and matrix products"),
    row::choice<&Transformer::compute_dtype>("compute_dtype", row::computed<Transformer, &own_dtype>("dtype"),
                                             "Type of products with weights and of their inputs"),
    row::choice<&Transformer::wire_dtype>("wire_dtype", row::computed<Transformer, &own_dtype>("dtype"),
                                          "Type of hidden states on their way to other GPUs"));

Transformer read_transformer(const ObjectReader& section) {
  Transformer model;
  const bool size_given = section.has("head_size"), width_given = section.has("ffn_hidden");
  read_fields(section, kTransformerFields, model, section.has("latent_attention") ? 0 : kPlainAttention.bit);
  if (model.gated_mlp && !width_given)
    throw section.error("missing key \"ffn_hidden\"; a gated MLP has no usual width");
  if (model.latent_attention) {
    model.kv_heads = model.heads;
    return model;
  }
  if (!size_given && model.hidden % model.heads != 0)
    throw section.error("heads", fmt::format("{}; expected a divisor of hidden, {}, or a head_size",
                                             model.heads, model.hidden));
  if (model.heads % model.kv_heads != 0)
    throw section.error("kv_heads",
                        fmt::format("{}; expected a divisor of heads, {}", model.kv_heads, model.heads));
  return model;
}

struct LayerGroup {
  LayerCost layer;
  std::uint32_t repeat = 1;
};
constexpr auto kLayerRows = row::rows<LayerGroup>(
    row::count<&LayerGroup::repeat>("repeat", kLayers, 1, "Layers of this kind"),
    row::quantity<&LayerGroup::layer, &LayerCost::forward>("forward", {}, "FLOPs of each, forward"),
    row::quantity<&LayerGroup::layer, &LayerCost::backward>("backward", {}, "FLOPs of each, backward"),
    row::quantity<&LayerGroup::layer, &LayerCost::activation>("activation", {},
                                                              "Kept from forward to backward"),
    row::quantity<&LayerGroup::layer, &LayerCost::output>("output", {}, "Sent to the next layer"),
    row::count<&LayerGroup::layer, &LayerCost::parameters>("parameters", kParameters, {}, "Weights of each"));
constexpr TableOf<LayerGroup> kLayerFields{{kLayerRows}};

constexpr auto kModelRows = row::rows<LayerCosts>(
    row::kSchema, row::kDescription, row::kSource,
    Field{.name = "transformer",
          .kind = KeyKind::Section,
          .table = &kTransformerFields,
          .absent = Absent::none(""),
          .help = "A transformer; this or layer_costs"},
    Field{.name = "layer_costs",
          .kind = KeyKind::List,
          .table = &kLayerFields,
          .absent = Absent::none(""),
          .help = "One entry a layer, or a group of equal layers; all for one sample and the whole layer",
          .expected = "list of layers"},
    row::count<&LayerCosts::sequence_length>("sequence_length", kTokens, Absent::none("not known"),
                                             "Tokens of one sample, for tokens a second")
        .only(kWithLayerCosts),
    row::choice<&LayerCosts::dtype>("dtype", name(Dtype::Bf16), "Type of what is sent and kept")
        .only(kWithLayerCosts));

void read_layers(const ObjectReader& section, LayerCosts& costs) {
  const Json& list = section.value("layer_costs");
  if (!list.is_array() || list.empty())
    throw section.error("layer_costs", fmt::format("{}; expected a list of layers", shown(list)));
  for (std::size_t i = 0; i < section.value("layer_costs").size(); ++i) {
    const ObjectReader entry = section.entry("layer_costs", i);
    LayerGroup group;
    read_fields(entry, kLayerFields, group);
    if (costs.layers.size() + group.repeat > kLayers.most)
      throw entry.error(fmt::format("more than {} layers", kLayers.most));
    costs.layers.insert(costs.layers.end(), group.repeat, group.layer);
  }
}

Json transformer_rules() {
  return rule::all({rule::where(rule::equals("gated_mlp", true), rule::given("ffn_hidden")),
                    rule::where(rule::given("latent_attention"),
                                rule::none({rule::given("kv_heads"), rule::given("head_size")}))});
}

Json model_rules() {
  const Json alone =
      rule::none({rule::given("layer_costs"), rule::given("sequence_length"), rule::given("dtype")});
  return rule::any({rule::all({rule::given("transformer"), alone}),
                    rule::all({rule::given("layer_costs"), rule::none({rule::given("transformer")})})});
}

}  // namespace

constinit const TableOf<Transformer> kTransformerFields{
    {kTransformerRows, false, "A transformer, for ppsim", &transformer_rules}};
constinit const TableOf<LayerCosts> kModelFields{
    {kModelRows, false, "A model, for ppsim: a transformer, or the costs of its layers", &model_rules}};

Model read_model(const ObjectReader& section) {
  if (section.has("transformer") == section.has("layer_costs"))
    throw section.error("expected either \"transformer\" or \"layer_costs\"");
  const bool of_layers = section.has("layer_costs");
  LayerCosts costs;
  read_fields(section, kModelFields, costs, of_layers ? kWithLayerCosts.bit : 0);
  costs.source = read_source(section);
  if (of_layers) {
    read_layers(section, costs);
    return costs;
  }
  const ObjectReader inner = section.object("transformer");
  Transformer model = read_transformer(inner);
  model.source = join_sources(costs.source, read_source(inner));
  return model;
}

}  // namespace ppsim
