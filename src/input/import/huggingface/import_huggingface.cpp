// config.json of a model of the transformers library: its sizes under the names of its model_type.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "input/config/config_sections.hpp"
#include "input/import/expert_pattern.hpp"
#include "input/import/foreign_json.hpp"
#include "input/import/huggingface/huggingface_keys.hpp"
#include "input/import/imported_section.hpp"
#include "text/files.hpp"

namespace ppsim {
namespace {

enum class Style : std::uint8_t { Gpt2, Llama, Mixtral, QwenMoe, Deepseek };

struct ModelType {
  std::string_view name;
  Style style{};
  std::uint32_t head_dim = 0;      ///< where the file gives none; 0: hidden / heads
  bool own_kv_heads = false;       ///< where the file gives none, as many as heads
  std::string_view left_out = "";  ///< weights that the simulator does not have
};

constexpr std::string_view kQkvBias = "the biases of queries, keys and values";
constexpr std::string_view kQkNorm = "the norms of queries and keys";

// Defaults of the library's configuration classes.
constexpr std::array<ModelType, 10> kModelTypes{{{"gpt2", Style::Gpt2},
                                                 {"llama", Style::Llama, 0, true},
                                                 {"mistral", Style::Llama},
                                                 {"qwen2", Style::Llama, 0, false, kQkvBias},
                                                 {"qwen3", Style::Llama, 128, false, kQkNorm},
                                                 {"mixtral", Style::Mixtral},
                                                 {"qwen2_moe", Style::QwenMoe, 0, false, kQkvBias},
                                                 {"qwen3_moe", Style::QwenMoe, 0, false, kQkNorm},
                                                 {"deepseek_v2", Style::Deepseek},
                                                 {"deepseek_v3", Style::Deepseek}}};

constexpr CountRange kModelCount{1, 100'000};
constexpr CountRange kCountOrNone{0, kModelCount.most};
constexpr CountRange kWidthOrNone{0, kWidth.most};

const ModelType& find_type(ForeignObject& config) {
  const std::string name = config.text("model_type");
  const auto found = std::find_if(kModelTypes.begin(), kModelTypes.end(),
                                  [&](const ModelType& type) { return type.name == name; });
  if (found != kModelTypes.end()) return *found;
  std::vector<std::string_view> names;
  for (const ModelType& type : kModelTypes) names.push_back(type.name);
  throw config.error("model_type", fmt::format("{}; expected one of {}", shown(config.value("model_type")),
                                               fmt::join(names, ", ")));
}

class HuggingfaceImporter {
 public:
  HuggingfaceImporter(ForeignObject& config, const ModelType& type, const HuggingfaceOptions& options)
      : config_(config), type_(type), options_(options) {}

  Json read() {
    read_dense();
    if (type_.style == Style::Mixtral) read_mixtral();
    if (type_.style == Style::QwenMoe) read_qwen_moe();
    if (type_.style == Style::Deepseek) read_deepseek();
    read_tokens();
    read_dropout();
    read_dtype();
    read_attention_kind();
    tell_left_out();
    tell_unread_keys(config_, type_.name, notes_);
    return model_;
  }

  [[nodiscard]] std::vector<std::string> take_notes() { return std::move(notes_); }

 private:
  template <class... Arguments>
  void note(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    notes_.push_back(fmt::format(text, std::forward<Arguments>(arguments)...));
  }

  [[nodiscard]] bool is_gpt2() const { return type_.style == Style::Gpt2; }

  void read_dense() {
    model_["layers"] = config_.count(is_gpt2() ? "n_layer" : "num_hidden_layers", kLayers);
    model_["hidden"] = config_.count(is_gpt2() ? "n_embd" : "hidden_size", kWidth);
    model_["heads"] = config_.count(is_gpt2() ? "n_head" : "num_attention_heads", kModelCount);
    if (type_.style == Style::Deepseek) {
      read_latent_attention();
    } else if (!is_gpt2()) {
      read_kv_heads();
    }
    if (is_gpt2()) {
      if (config_.has("n_inner")) model_["ffn_hidden"] = config_.count("n_inner", kWidth);
    } else {
      model_["ffn_hidden"] = config_.count("intermediate_size", kWidth);
      model_["gated_mlp"] = true;
    }
  }

  void read_kv_heads() {
    if (config_.has("num_key_value_heads") || !type_.own_kv_heads)
      model_["kv_heads"] = config_.count("num_key_value_heads", kModelCount);
    if (config_.has("head_dim")) {
      model_["head_size"] = config_.count("head_dim", kWidth);
    } else if (type_.head_dim > 0) {
      model_["head_size"] = type_.head_dim;
      note("head_dim is not given: {}, as {} has it by default", type_.head_dim, type_.name);
    }
  }

  // What it has of num_key_value_heads and head_dim follows from these.
  void read_latent_attention() {
    for (const char* derived : {"num_key_value_heads", "head_dim", "qk_head_dim"})
      if (config_.has(derived)) (void)config_.count(derived, kModelCount);
    model_["latent_attention"] = {{"q_lora_rank", config_.count("q_lora_rank", kWidthOrNone, 0)},
                                  {"kv_lora_rank", config_.count("kv_lora_rank", kWidth)},
                                  {"qk_nope_head_size", config_.count("qk_nope_head_dim", kWidth)},
                                  {"qk_rope_head_size", config_.count("qk_rope_head_dim", kWidthOrNone)},
                                  {"v_head_size", config_.count("v_head_dim", kWidth)}};
  }

  void read_mixtral() {
    model_["experts"] = {{"count", config_.count("num_local_experts", kModelCount)},
                         {"per_token", config_.count("num_experts_per_tok", kModelCount)},
                         {"ffn_hidden", config_.count("intermediate_size", kWidth)}};
  }

  // Layer i has experts where decoder_sparse_step divides i + 1 and mlp_only_layers does not name it.
  void read_qwen_moe() {
    const std::uint64_t width = config_.count("moe_intermediate_size", kWidth);
    model_["experts"] = {{"count", config_.count("num_experts", kModelCount)},
                         {"per_token", config_.count("num_experts_per_tok", kModelCount)},
                         {"shared", shared_experts(width)},
                         {"ffn_hidden", width}};
    const std::uint64_t step = config_.count("decoder_sparse_step", kLayers, 1);
    std::vector<bool> sparse(model_["layers"].get<std::size_t>());
    for (std::size_t i = 0; i < sparse.size(); ++i) sparse[i] = (i + 1) % step == 0;
    if (config_.has("mlp_only_layers"))
      for (const std::uint64_t layer : config_.counts("mlp_only_layers", {0, sparse.size() - 1}))
        sparse[layer] = false;
    put_pattern(sparse, "decoder_sparse_step");
  }

  std::uint64_t shared_experts(std::uint64_t width) {
    const std::uint64_t shared = config_.count("shared_expert_intermediate_size", kWidthOrNone, 0);
    if (shared % width == 0) return shared / width;
    throw config_.error("shared_expert_intermediate_size",
                        fmt::format("{}; expected a multiple of moe_intermediate_size, {}", shared, width));
  }

  // Layer i has experts from first_k_dense_replace on, where moe_layer_freq divides i.
  void read_deepseek() {
    if (!config_.has("n_routed_experts")) return;
    model_["experts"] = {{"count", config_.count("n_routed_experts", kModelCount)},
                         {"per_token", config_.count("num_experts_per_tok", kModelCount)},
                         {"shared", config_.count("n_shared_experts", kCountOrNone, 0)},
                         {"ffn_hidden", config_.count("moe_intermediate_size", kWidth)}};
    const std::uint64_t dense = config_.count("first_k_dense_replace", {0, kLayers.most}, 0);
    const std::uint64_t every = config_.count("moe_layer_freq", kLayers, 1);
    std::vector<bool> sparse(model_["layers"].get<std::size_t>());
    for (std::size_t i = 0; i < sparse.size(); ++i) sparse[i] = i >= dense && i % every == 0;
    put_pattern(sparse, every > 1 ? "moe_layer_freq" : "first_k_dense_replace");
  }

  void put_pattern(const std::vector<bool>& sparse, std::string_view key) {
    const bool any = std::find(sparse.begin(), sparse.end(), true) != sparse.end();
    const auto pattern = any ? find_expert_pattern(sparse) : std::nullopt;
    if (!pattern)
      throw config_.error(key, any ? "leaves experts to layers that no dense_layers and every of a config "
                                     "name; expected dense layers first, and then every so-many-th"
                                   : "leaves no layer with experts");
    model_["experts"]["dense_layers"] = pattern->dense_layers;
    model_["experts"]["every"] = pattern->every;
  }

  void read_tokens() {
    const std::string_view key = is_gpt2() ? "n_positions" : "max_position_embeddings";
    if (!options_.sequence_length && !config_.has(key))
      throw config_.error(fmt::format("missing key \"{}\"; or give --sequence-length", key));
    const std::uint64_t longest = config_.count(key, kTokens, options_.sequence_length.value_or(1));
    const std::uint64_t sequence = options_.sequence_length.value_or(longest);
    if (!options_.sequence_length)
      note("sequence_length is {}, the longest that the model takes ({}); --sequence-length gives another",
           longest, key);
    if (is_gpt2() && sequence != longest)
      note("{} learned positions are counted, one a token of the sequence; the model has {}", sequence,
           longest);
    model_["sequence_length"] = sequence;
    model_["vocabulary"] = config_.count("vocab_size", kTokens);
    const bool given = config_.has("tie_word_embeddings");
    const bool tied = config_.flag("tie_word_embeddings", is_gpt2());
    model_["tied_embeddings"] = tied;
    if (!given)
      note("tie_word_embeddings is not given: {}, as {} has it by default", tied ? "tied" : "not tied",
           type_.name);
  }

  void read_dropout() {
    std::size_t some = 0, given = 0;
    for (const char* key :
         {"attn_pdrop", "embd_pdrop", "resid_pdrop", "attention_dropout", "hidden_dropout"}) {
      if (!config_.has(key)) continue;
      ++given;
      some += config_.number(key) > 0 ? 1 : 0;
    }
    // The class of GPT-2 drops a tenth everywhere.
    const bool dropout = given == 0 ? is_gpt2() : some > 0;
    model_["dropout"] = dropout;
    if (some > 0 && some < given) note("dropout is taken to be everywhere; the model has it in some places");
  }

  void read_dtype() {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kNames{
        {{"float32", "fp32"}, {"float16", "fp16"}, {"bfloat16", "bf16"}}};
    const std::string_view key = config_.has("dtype") ? "dtype" : "torch_dtype";
    if (config_.has("quantization_config")) {
      (void)config_.value("quantization_config");
      note(
          "quantization_config is left out: it says how the weights are stored; compute_dtype says in what "
          "products are taken");
    }
    if (!config_.has(key)) {
      note("dtype is not given: bf16");
      model_["dtype"] = "bf16";
      return;
    }
    const std::string given = config_.text(key);
    for (const auto& [theirs, ours] : kNames)
      if (given == theirs) model_["dtype"] = ours;
    if (config_.has("torch_dtype")) (void)config_.value("torch_dtype");
    if (!model_.contains("dtype"))
      throw config_.error(key, fmt::format("{}; expected float32, float16 or bfloat16", shown(given)));
  }

  void read_attention_kind() {
    model_["flash_attention"] = true;
    note("flash_attention is assumed: the file does not say which kernel runs");
    const bool used = config_.flag("use_sliding_window", true);
    const std::uint64_t window = config_.count("sliding_window", kTokens, 0);
    if (config_.has("layer_types"))
      for (const Json& type : config_.value("layer_types"))
        if (type != "full_attention" && type != "sliding_attention")
          throw config_.error("layer_types",
                              fmt::format("{}; expected full_attention or sliding_attention", shown(type)));
    if (used && window > 0 && window < model_["sequence_length"].get<std::uint64_t>())
      note("sliding_window {} is left out: attention is over the whole sequence", window);
  }

  void tell_left_out() {
    if (!type_.left_out.empty()) note("{} are left out", type_.left_out);
    for (const char* key : {"attention_bias", "mlp_bias", "qkv_bias"})
      if (config_.flag(key, false) && type_.left_out != kQkvBias)
        note("the biases that {} adds are left out", key);
    if (const auto layers = config_.count("num_nextn_predict_layers", kCountOrNone, 0); layers > 0)
      note("num_nextn_predict_layers is left out: {} that only predict further tokens", layers);
    for (const char* key : {"add_cross_attention", "is_encoder_decoder"})
      if (config_.flag(key, false))
        throw config_.error(key, "true; expected a decoder alone, which has no such attention");
  }

  ForeignObject& config_;
  const ModelType& type_;
  const HuggingfaceOptions& options_;
  Json model_ = Json::object();
  std::vector<std::string> notes_;
};

ImportedSection read_huggingface(const std::string& path, const HuggingfaceOptions& options) {
  const Json document = parse_json(read_file(path), path);
  ForeignObject config(document, path + "#");
  const ModelType& type = find_type(config);
  HuggingfaceImporter importer(config, type, options);
  const Json transformer = importer.read();
  const Json section = {
      {"source",
       import_source(path, fmt::format("a model of type {} of Hugging Face transformers", type.name))},
      {"transformer", transformer}};
  check_sections({{"model", section}}, path);
  return imported_section(section, importer.take_notes());
}

}  // namespace

ImportedSection import_huggingface(const std::string& path, const HuggingfaceOptions& options) {
  return with_plain_errors([&] { return read_huggingface(path, options); });
}

}  // namespace ppsim
