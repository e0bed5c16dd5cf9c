// The model that Megatron-LM's arguments describe.
#include <fmt/format.h>

#include <array>

#include "input/config/config_sections.hpp"
#include "input/import/expert_pattern.hpp"
#include "input/import/megatron/megatron_sections.hpp"
#include "input/import/megatron/pipeline_layout_text.hpp"

namespace ppsim {
namespace {

constexpr CountRange kModelSize{1, 100'000};

class TransformerReader {
 public:
  TransformerReader(const MegatronArguments& arguments, const MegatronShape& shape,
                    std::vector<std::string>& notes)
      : arguments_(arguments), shape_(shape), notes_(notes) {}

  Json read() {
    layers_ = arguments_.needed_count("--num-layers", kLayers);
    hidden_ = arguments_.needed_count("--hidden-size", kWidth);
    model_ = {{"layers", layers_},
              {"hidden", hidden_},
              {"heads", arguments_.needed_count("--num-attention-heads", kModelSize)}};
    read_attention();
    read_mlp();
    if (arguments_.has("--num-experts")) read_experts();
    model_["sequence_length"] = arguments_.needed_count("--seq-length", kTokens);
    model_["vocabulary"] = vocabulary();
    model_["tied_embeddings"] = !arguments_.has("--untie-embeddings-and-output-weights");
    read_dropout();
    model_["flash_attention"] = uses_flash_attention();
    read_dtypes();
    tell_style();
    return model_;
  }

 private:
  template <class... Arguments>
  void note(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    notes_.push_back(fmt::format(text, std::forward<Arguments>(arguments)...));
  }

  // Defaults of latent attention are those of Megatron's MLATransformerConfig.
  void read_attention() {
    const bool grouped = arguments_.has("--group-query-attention");
    if (arguments_.has("--multi-latent-attention")) {
      const std::uint64_t most = kWidth.most;
      model_["latent_attention"] = {
          {"q_lora_rank", arguments_.count("--q-lora-rank", {0, most}, 0)},
          {"kv_lora_rank", arguments_.count("--kv-lora-rank", kWidth, 32)},
          {"qk_nope_head_size", arguments_.count("--qk-head-dim", kWidth, 128)},
          {"qk_rope_head_size", arguments_.count("--qk-pos-emb-head-dim", {0, most}, 64)},
          {"v_head_size", arguments_.count("--v-head-dim", kWidth, 128)}};
      return;
    }
    for (const char* name :
         {"--q-lora-rank", "--kv-lora-rank", "--qk-head-dim", "--qk-pos-emb-head-dim", "--v-head-dim"})
      if (arguments_.has(name))
        throw arguments_.error(name, fmt::format("{} has no meaning without --multi-latent-attention", name));
    if (const auto size = arguments_.count("--kv-channels", kWidth)) model_["head_size"] = *size;
    const std::uint64_t groups = arguments_.count("--num-query-groups", kModelSize, 1);
    if (grouped) model_["kv_heads"] = groups;
    if (!grouped && arguments_.has("--num-query-groups") && groups > 1)
      throw arguments_.error("--num-query-groups",
                             "--num-query-groups has no meaning without --group-query-attention");
  }

  // A gated MLP has two thirds of the width, in steps of 64, so that it has as many weights.
  [[nodiscard]] std::uint64_t ffn_hidden() const {
    const bool gated = arguments_.has("--swiglu");
    const std::uint64_t usual = gated ? 4 * hidden_ * 2 / 3 / 64 * 64 : 4 * hidden_;
    return arguments_.count("--ffn-hidden-size", {1, 10 * kWidth.most}, usual);
  }

  void read_mlp() {
    model_["ffn_hidden"] = ffn_hidden();
    model_["gated_mlp"] = arguments_.has("--swiglu");
  }

  void read_experts() {
    const std::uint64_t width = arguments_.count("--moe-ffn-hidden-size", kWidth, ffn_hidden());
    const std::uint64_t shared =
        arguments_.count("--moe-shared-expert-intermediate-size", {0, kWidth.most}, 0);
    if (shared % width != 0)
      throw arguments_.error(
          "--moe-shared-expert-intermediate-size",
          fmt::format("--moe-shared-expert-intermediate-size {}; expected a multiple of an "
                      "expert's width, {}",
                      shared, width));
    model_["experts"] = {{"count", arguments_.needed_count("--num-experts", kModelSize)},
                         {"per_token", arguments_.count("--moe-router-topk", kModelSize, 2)},
                         {"shared", shared / width},
                         {"ffn_hidden", width}};
    const auto pattern = find_expert_pattern(expert_layers());
    if (!pattern)
      throw arguments_.error("--moe-layer-freq",
                             "--moe-layer-freq leaves experts to layers that no dense_layers and every of a "
                             "config name; expected dense layers first, and then every so-many-th");
    model_["experts"]["dense_layers"] = pattern->dense_layers;
    model_["experts"]["every"] = pattern->every;
    constexpr std::array<std::string_view, 3> kDispatchers{"allgather", "alltoall", "flex"};
    if (arguments_.choice("--moe-token-dispatcher-type", kDispatchers, 0) == 0)
      note("tokens are exchanged in all-to-alls; --moe-token-dispatcher-type is allgather{}",
           arguments_.has("--moe-token-dispatcher-type") ? "" : " by default");
  }

  // A number n: layers 0, n, 2 n, ...; or a pattern.
  [[nodiscard]] std::vector<bool> expert_layers() const {
    const std::string given = arguments_.text("--moe-layer-freq", "1");
    const bool is_number = given.find_first_not_of("0123456789") == std::string::npos;
    std::vector<bool> layers(layers_);
    if (is_number) {
      const std::uint64_t every = arguments_.count("--moe-layer-freq", kLayers, 1);
      for (std::size_t i = 0; i < layers_; i += every) layers[i] = true;
      return layers;
    }
    layers =
        parse_layer_pattern(given, arguments_.where("--moe-layer-freq") + ", --moe-layer-freq", kLayers.most);
    if (layers.size() != layers_)
      throw arguments_.error(
          "--moe-layer-freq",
          fmt::format("--moe-layer-freq is of {} layers; expected the model's {}", layers.size(), layers_));
    if (std::find(layers.begin(), layers.end(), true) == layers.end())
      throw arguments_.error("--moe-layer-freq", "--moe-layer-freq leaves no layer with experts");
    return layers;
  }

  // Megatron pads the vocabulary so that each GPU of a tensor group has as many rows, and rows in round
  // numbers.
  std::uint64_t vocabulary() {
    if (arguments_.has("--padded-vocab-size")) return arguments_.needed_count("--padded-vocab-size", kTokens);
    std::uint64_t words = 0;
    const std::string tokenizer = arguments_.text("--tokenizer-type", "");
    if (arguments_.has("--vocab-size")) {
      words = arguments_.needed_count("--vocab-size", kTokens) + (tokenizer == "NullTokenizer" ? 1 : 0);
    } else if (tokenizer == "GPT2BPETokenizer") {
      words = 50257;
      note("--vocab-size is not given: 50257, the tokens of GPT-2");
    } else {
      throw Error(arguments_.where("--tokenizer-type"),
                  "missing argument --vocab-size: the tokenizer's file says it, which is not read");
    }
    const std::uint64_t multiple =
        arguments_.count("--make-vocab-size-divisible-by", kTokens, 128) * shape_.tensor;
    const std::uint64_t padded = (words + multiple - 1) / multiple * multiple;
    if (padded != words)
      note("the vocabulary of {} is padded to {}, a multiple of {}", words, padded, multiple);
    return padded;
  }

  void read_dropout() {
    const bool attention = arguments_.number("--attention-dropout", 0.1) > 0;
    const bool hidden = arguments_.number("--hidden-dropout", 0.1) > 0;
    model_["dropout"] = attention || hidden;
    if (attention != hidden)
      note("dropout is taken to be everywhere; by the arguments it is {}",
           attention ? "in the attention alone" : "not in the attention");
  }

  bool uses_flash_attention() {
    constexpr std::array<std::string_view, 5> kBackends{"auto", "flash", "fused", "unfused", "local"};
    constexpr std::array<std::string_view, 2> kImplementations{"transformer_engine", "local"};
    const bool local = arguments_.choice("--transformer-impl", kImplementations, 0) == 1;
    const std::size_t backend = arguments_.choice("--attention-backend", kBackends, 0);
    if (arguments_.has("--use-flash-attn") || backend == 1 || backend == 2) return true;
    if (backend > 2) return false;
    if (!arguments_.has("--attention-backend"))
      note("flash_attention is {}assumed, as no argument says which kernel runs{}", local ? "not " : "",
           local ? " and --transformer-impl is local" : "");
    return !local;
  }

  void read_dtypes() {
    const bool half = arguments_.has("--fp16");
    if (half && arguments_.has("--bf16"))
      throw arguments_.error("--fp16", "--fp16 and --bf16; expected one of them");
    model_["dtype"] = half ? "fp16" : arguments_.has("--bf16") ? "bf16" : "fp32";
    constexpr std::array<std::string_view, 2> kFormats{"e4m3", "hybrid"};
    constexpr std::array<std::string_view, 4> kRecipes{"delayed", "tensorwise", "blockwise", "mxfp8"};
    const std::size_t recipe = arguments_.choice("--fp8-recipe", kRecipes, 0);
    if (!arguments_.has("--fp8-format")) return;
    (void)arguments_.choice("--fp8-format", kFormats, 0);
    model_["compute_dtype"] = recipe == 3 ? "mxfp8" : "fp8";
  }

  // A model without a gated MLP has biases and learned positions, one with it has neither.
  void tell_style() {
    const bool gated = arguments_.has("--swiglu"), no_bias = arguments_.has("--disable-bias-linear");
    if (gated && !no_bias) note("the biases of products are left out");
    if (!gated && no_bias) note("biases of products are counted in spite of --disable-bias-linear");
    if (arguments_.has("--add-qkv-bias") && (gated || no_bias))
      note("the biases of queries, keys and values are {}", gated ? "left out" : "counted with them");
    constexpr std::array<std::string_view, 5> kPositions{"learned_absolute", "rope", "mrope", "relative",
                                                         "none"};
    const bool rotary = arguments_.has("--use-rotary-position-embeddings");
    const std::size_t kind = arguments_.choice("--position-embedding-type", kPositions, rotary ? 1 : 0);
    if (kind == 3)
      throw arguments_.error("--position-embedding-type",
                             "--position-embedding-type relative; expected learned_absolute, rope or none");
    if (gated && kind == 0) note("the learned positions are left out");
    if (!gated && kind != 0)
      note("learned positions are counted, {} of width {}", model_["sequence_length"].get<std::uint64_t>(),
           hidden_);
    if (const auto positions = arguments_.count("--max-position-embeddings", kTokens);
        !gated && kind == 0 && positions && model_["sequence_length"] != *positions)
      note("learned positions are counted for a sequence; the model has {}", *positions);
  }

  const MegatronArguments& arguments_;
  const MegatronShape& shape_;
  std::vector<std::string>& notes_;
  std::uint64_t layers_ = 0, hidden_ = 0;
  Json model_;
};

}  // namespace

Json megatron_transformer(const MegatronArguments& arguments, const MegatronShape& shape,
                          std::vector<std::string>& notes) {
  return TransformerReader(arguments, shape, notes).read();
}

}  // namespace ppsim
