// Importers of models: sizes of published models, checked by how many weights they are known to have.
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "input/scratch.hpp"
#include "ppsim/input/config/config.hpp"
#include "ppsim/input/import/import.hpp"
#include "ppsim/model/layers/transformer.hpp"

namespace ppsim::test::import_model_test {
namespace {

using nlohmann::json;

// Rows that a config needs beside its model.
constexpr const char* kRest =
    R"(, "cluster": {"nodes": 1, "gpus_per_node": 1, "gpu": {"name": "g", "memory": "1 GB",
  "peak": {"fp32": "1 TFLOP/s", "fp16": "1 TFLOP/s", "bf16": "1 TFLOP/s"}, "memory_bandwidth": "1 GB/s",
  "matmul_efficiency": 1}}, "parallelism": {"pipeline": 1, "micro_batches": 1}, "schedule": {"name": "gpipe"}})";

json huggingface(const std::string& type) {
  json config = {{"model_type", type},        {"hidden_size", 4096},
                 {"num_hidden_layers", 32},   {"num_attention_heads", 32},
                 {"num_key_value_heads", 8},  {"intermediate_size", 14336},
                 {"vocab_size", 128256},      {"max_position_embeddings", 8192},
                 {"torch_dtype", "bfloat16"}, {"tie_word_embeddings", false}};
  return config;
}

json with(json config, const json& changes) {
  for (const auto& [key, value] : changes.items()) {
    if (value.is_null())
      config.erase(key);
    else
      config[key] = value;
  }
  return config;
}

ImportedSection import_text(const std::string& text, const HuggingfaceOptions& options = {}) {
  const Scratch scratch;
  return import_huggingface(scratch.put("config.json", text), options);
}

std::uint64_t weights_of(const json& config) {
  const Scratch scratch;
  const std::string section = import_text(config.dump()).text;
  const Config read = load_config(scratch.put("c.json", "{\"model\": " + section + kRest));
  return parameters(std::get<ModelInput>(read.input).model);
}

json transformer_of(const json& config) {
  return json::parse(import_text(config.dump()).text)["transformer"];
}

bool assumes(const json& config, const std::string& part) {
  for (const std::string& line : import_text(config.dump()).assumptions)
    if (line.find(part) != std::string::npos) return true;
  return false;
}

std::string fault_of(const std::string& text) {
  const std::string error = error_of([&] { return import_text(text); });
  return error.substr(std::min(error.find("config.json"), error.size()));
}

json deepseek_v3() {
  return {{"model_type", "deepseek_v3"},
          {"hidden_size", 7168},
          {"num_hidden_layers", 61},
          {"num_attention_heads", 128},
          {"num_key_value_heads", 128},
          {"intermediate_size", 18432},
          {"moe_intermediate_size", 2048},
          {"n_routed_experts", 256},
          {"n_shared_experts", 1},
          {"num_experts_per_tok", 8},
          {"first_k_dense_replace", 3},
          {"moe_layer_freq", 1},
          {"q_lora_rank", 1536},
          {"kv_lora_rank", 512},
          {"qk_nope_head_dim", 128},
          {"qk_rope_head_dim", 64},
          {"v_head_dim", 128},
          {"vocab_size", 129280},
          {"max_position_embeddings", 163840},
          {"torch_dtype", "bfloat16"},
          {"num_nextn_predict_layers", 1},
          {"quantization_config", {{"quant_method", "fp8"}}}};
}

TEST_CASE("imported models have as many weights as the published ones") {
  // GPT-2 small: 124,439,808 by its model card.
  CHECK(weights_of({{"model_type", "gpt2"},
                    {"n_embd", 768},
                    {"n_layer", 12},
                    {"n_head", 12},
                    {"n_positions", 1024},
                    {"vocab_size", 50257}}) == 124'439'808);
  CHECK(weights_of(huggingface("llama")) == 8'030'261'248);  // Llama 3 8B
  // Mistral 7B: 7,241,732,096.
  CHECK(weights_of(with(huggingface("mistral"), {{"vocab_size", 32000}})) == 7'241'732'096);
  // Qwen2 7B: 7,615,616,512, less the 28 x (3584 + 2 x 512) biases of queries, keys and values.
  CHECK(weights_of(with(huggingface("qwen2"), {{"hidden_size", 3584},
                                               {"num_hidden_layers", 28},
                                               {"num_attention_heads", 28},
                                               {"num_key_value_heads", 4},
                                               {"intermediate_size", 18944},
                                               {"vocab_size", 152064}})) == 7'615'616'512 - 28 * 4608);
  // Qwen3 8B: 8,190,735,360, less the 36 x 2 x 128 weights of the norms of queries and keys.
  CHECK(weights_of(with(huggingface("qwen3"),
                        {{"num_hidden_layers", 36}, {"intermediate_size", 12288}, {"vocab_size", 151936}})) ==
        8'190'735'360 - 36 * 256);
  // Mixtral 8x7B: 46,702,792,704.
  CHECK(weights_of(with(huggingface("mixtral"),
                        {{"vocab_size", 32000}, {"num_local_experts", 8}, {"num_experts_per_tok", 2}})) ==
        46'702'792'704);
  // Qwen3 30B-A3B: 30,532,122,624, less 48 x 256 weights of norms.
  CHECK(weights_of(with(huggingface("qwen3_moe"), {{"hidden_size", 2048},
                                                   {"num_hidden_layers", 48},
                                                   {"num_key_value_heads", 4},
                                                   {"head_dim", 128},
                                                   {"intermediate_size", 6144},
                                                   {"moe_intermediate_size", 768},
                                                   {"num_experts", 128},
                                                   {"num_experts_per_tok", 8},
                                                   {"vocab_size", 151936}})) == 30'532'122'624 - 48 * 256);
}

TEST_CASE("DeepSeek-V3 is the preset of that name") {
  const Scratch scratch;
  const json preset = json::parse(read_file("configs/models/deepseek_v3.json"))["transformer"];
  json imported = transformer_of(deepseek_v3());
  imported["sequence_length"] = preset["sequence_length"];
  imported["experts"].erase("every");
  for (const char* key : {"layers", "hidden", "heads", "ffn_hidden", "gated_mlp", "latent_attention",
                          "experts", "vocabulary", "tied_embeddings", "dropout", "flash_attention"})
    CHECK(imported[key] == preset[key]);
  CHECK(assumes(deepseek_v3(), "num_nextn_predict_layers"));
  CHECK(assumes(deepseek_v3(), "quantization_config"));
  CHECK(transformer_of(with(deepseek_v3(), {{"q_lora_rank", nullptr}}))["latent_attention"]["q_lora_rank"] ==
        0);
}

TEST_CASE("weights are tied where the file says so, else by the type's own default") {
  CHECK(transformer_of(with(huggingface("qwen2"), {{"tie_word_embeddings", true}}))["tied_embeddings"] ==
        true);
  CHECK(transformer_of(with(huggingface("llama"), {{"tie_word_embeddings", nullptr}}))["tied_embeddings"] ==
        false);
  const json gpt2 = {{"model_type", "gpt2"}, {"n_embd", 8},      {"n_layer", 1},
                     {"n_head", 2},          {"n_positions", 4}, {"vocab_size", 16}};
  CHECK(transformer_of(gpt2)["tied_embeddings"] == true);
  CHECK(transformer_of(with(gpt2, {{"tie_word_embeddings", false}}))["tied_embeddings"] == false);
  CHECK(transformer_of(gpt2)["dropout"] == true);  // 0.1 by default
  CHECK(transformer_of(with(gpt2, {{"attn_pdrop", 0.0}, {"embd_pdrop", 0}, {"resid_pdrop", 0}}))["dropout"] ==
        false);
}

TEST_CASE("heads have their own size where the file or the type says one") {
  CHECK_FALSE(transformer_of(huggingface("llama")).contains("head_size"));
  CHECK(transformer_of(with(huggingface("mistral"), {{"head_dim", 160}}))["head_size"] == 160);
  CHECK(transformer_of(huggingface("qwen3"))["head_size"] == 128);
  CHECK(assumes(huggingface("qwen3"), "head_dim is not given: 128"));
  CHECK_FALSE(
      transformer_of(with(huggingface("llama"), {{"num_key_value_heads", nullptr}})).contains("kv_heads"));
}

TEST_CASE("which layers have experts is said in the words of a config") {
  json qwen = with(huggingface("qwen2_moe"), {{"num_experts", 64},
                                              {"num_experts_per_tok", 8},
                                              {"moe_intermediate_size", 2560},
                                              {"shared_expert_intermediate_size", 20480},
                                              {"decoder_sparse_step", 2},
                                              {"mlp_only_layers", json::array()}});
  json experts = transformer_of(qwen)["experts"];
  CHECK(experts["shared"] == 8);
  // decoder_sparse_step 2: layers 1, 3, ... counted from 0.
  CHECK(experts["dense_layers"] == 0);
  CHECK(experts["every"] == 2);
  qwen["decoder_sparse_step"] = 1;
  qwen["mlp_only_layers"] = {0, 1};
  experts = transformer_of(qwen)["experts"];
  CHECK(experts["dense_layers"] == 2);
  CHECK(experts["every"] == 1);
  qwen["mlp_only_layers"] = {5};
  CHECK(fault_of(qwen.dump()).starts_with("config.json#/decoder_sparse_step: leaves experts to layers"));
  // moe_layer_freq 2 from layer 3 on: 4, 6, 8, ... is every second one behind 3.
  json deepseek = with(deepseek_v3(), {{"moe_layer_freq", 2}});
  CHECK(transformer_of(deepseek)["experts"]["dense_layers"] == 3);
  CHECK(transformer_of(deepseek)["experts"]["every"] == 2);
}

TEST_CASE("the sequence is the longest, or as long as one asks") {
  CHECK(transformer_of(huggingface("llama"))["sequence_length"] == 8192);
  const ImportedSection shorter = import_text(huggingface("llama").dump(), {.sequence_length = 4096});
  CHECK(json::parse(shorter.text)["transformer"]["sequence_length"] == 4096);
  const json mistral = with(huggingface("mistral"), {{"sliding_window", 4096}});
  CHECK(assumes(mistral, "sliding_window 4096 is left out"));
  CHECK_FALSE(assumes(with(mistral, {{"sliding_window", 8192}}), "sliding_window"));
  CHECK_FALSE(assumes(with(huggingface("qwen2"), {{"sliding_window", 4096}, {"use_sliding_window", false}}),
                      "sliding_window"));
}

TEST_CASE("keys that may change the size are not left out unseen") {
  CHECK(fault_of(with(huggingface("llama"), {{"num_memory_heads", 4}}).dump()) ==
        "config.json#/num_memory_heads: 4; not known for llama, and may change the model's size; take it out "
        "of the file "
        "where it does not");
  CHECK(assumes(with(huggingface("llama"), {{"flavour", "mild"}}), "not known and left out: flavour"));
  CHECK_FALSE(
      assumes(with(huggingface("llama"), {{"rope_theta", 500000.0}, {"flavour", false}}), "not known"));
  CHECK(fault_of(with(huggingface("llama"), {{"layer_types", {"linear_attention"}}}).dump())
            .starts_with("config.json#/layer_types"));
  CHECK(assumes(with(huggingface("llama"), {{"attention_bias", true}}), "attention_bias"));
}

TEST_CASE("what is no config.json of a known model is one line with its place") {
  const json llama = huggingface("llama");
  CHECK(fault_of(with(llama, {{"model_type", "t5"}}).dump()) ==
        "config.json#/model_type: \"t5\"; expected one of gpt2, llama, mistral, qwen2, qwen3, mixtral, "
        "qwen2_moe, qwen3_moe, "
        "deepseek_v2, deepseek_v3");
  CHECK(fault_of("{}") == "config.json: missing key \"model_type\"");
  CHECK(fault_of("[1]") == "config.json: [1]; expected an object");
  CHECK(fault_of("").starts_with("config.json, line 1, column 1: not JSON"));
  CHECK(fault_of("\x7f"
                 "ELF\x02\x01")
            .starts_with("config.json, line 1, column 1: not JSON"));
  CHECK(fault_of(llama.dump().substr(0, 60)).starts_with("config.json, line 1, column 61: not JSON"));
  CHECK(fault_of(with(llama, {{"hidden_size", "4096"}}).dump())
            .starts_with("config.json#/hidden_size: \"4096\"; expected a whole number"));
  CHECK(fault_of(with(llama, {{"hidden_size", -1}}).dump())
            .starts_with("config.json#/hidden_size: -1; expected"));
  CHECK(fault_of(with(llama, {{"num_hidden_layers", 1e300}}).dump())
            .starts_with("config.json#/num_hidden_layers: 1e+300; expected"));
  CHECK(fault_of(with(llama, {{"num_key_value_heads", 7}}).dump()) ==
        "config.json (as imported)#/model/transformer/kv_heads: 7; expected a divisor of heads, 32");
  CHECK(fault_of(with(llama, {{"torch_dtype", "int8"}}).dump()) ==
        "config.json#/torch_dtype: \"int8\"; expected float32, float16 or bfloat16");
  CHECK(fault_of(with(llama, {{"bad\nkey_size", 1}}).dump()).find('\n') == std::string::npos);
}

}  // namespace
}  // namespace ppsim::test::import_model_test
