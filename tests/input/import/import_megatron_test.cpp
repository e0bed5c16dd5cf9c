// Megatron-LM's arguments: which words a script comes to, what its little languages say, and what a config
// makes of it.
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "input/scratch.hpp"
#include "ppsim/input/import/import.hpp"

namespace ppsim::test::import_megatron_test {
namespace {

using nlohmann::json;

// A GPT of 24 layers; more arguments go behind.
const std::string kSmall =
    "--num-layers 24 --hidden-size 1024 --num-attention-heads 16\n"
    "--seq-length 1024 --max-position-embeddings 1024 --vocab-size 50257\n"
    "--micro-batch-size 4 --global-batch-size 64 --bf16 --world-size 8\n";

ImportedSection import_text(const std::string& text, const MegatronOptions& options = {}) {
  const Scratch scratch;
  return import_megatron(scratch.put("run.sh", text), options);
}

json config_of(const std::string& text, const MegatronOptions& options = {}) {
  return json::parse(import_text(text, options).text);
}

json with(const std::string& more) {
  return config_of(kSmall + more);
}

std::string fault_of(const std::string& text, const MegatronOptions& options = {}) {
  const std::string error = error_of([&] { return import_text(text, options); });
  return error.substr(std::min(error.find("run.sh"), error.size()));
}

std::string fault_with(const std::string& more) {
  return fault_of(kSmall + more);
}

bool assumes(const std::string& more, const std::string& part) {
  for (const std::string& line : import_text(kSmall + more).assumptions)
    if (line.find(part) != std::string::npos) return true;
  return false;
}

TEST_CASE("a small GPT is a model, its parallelism, its training and 1F1B") {
  const json config =
      with("--tensor-model-parallel-size 2 --pipeline-model-parallel-size 2 --sequence-parallel");
  const json& model = config["model"]["transformer"];
  CHECK(model["layers"] == 24);
  CHECK(model["ffn_hidden"] == 4096);
  CHECK(model["gated_mlp"] == false);
  CHECK(model["dropout"] == true);  // 0.1 by default
  CHECK(model["tied_embeddings"] == true);
  CHECK(model["vocabulary"] == 50432);  // the next multiple of 128 x 2 above 50257
  const json& parallelism = config["parallelism"];
  CHECK(parallelism["data"] == 2);           // 8 / (2 x 2)
  CHECK(parallelism["micro_batches"] == 8);  // 64 / (4 x 2)
  CHECK(parallelism["sequence_parallel"] == true);
  CHECK_FALSE(parallelism.contains("layers_per_stage"));
  CHECK(config["training"]["gradient_dtype"] == "fp32");
  CHECK(config["schedule"] == json{{"name", "1f1b"}});
}

TEST_CASE("arguments in a file, one a line, are those of a shell's line") {
  std::string lines = "# a comment\n";
  for (const char c : kSmall) lines += c == ' ' ? '\n' : c;
  const std::string shell = "torchrun --nproc_per_node 8 pretrain_gpt.py " + [] {
    std::string joined;
    for (const char c : kSmall) joined += c == '\n' ? std::string(" \\\n") : std::string(1, c);
    return joined;
  }() + " 2>&1 | tee log\n";
  CHECK(config_of(lines) == config_of(kSmall));
  CHECK(config_of(shell) == config_of(kSmall));
}

TEST_CASE("assignments and arrays of a script are put in their places") {
  const json config = config_of(R"(#!/bin/bash
set -e
export CUDA_DEVICE_MAX_CONNECTIONS=1
GPUS_PER_NODE=8   # of each
NODES=${NODES:-4}
MICRO='4'
DISTRIBUTED=(--nproc_per_node $GPUS_PER_NODE --nnodes "${NODES}" --master_addr $MASTER_ADDR)
MODEL=(
    --num-layers 24     # depth
    --hidden-size 1024
    --num-attention-heads 16
)
MODEL+=(--seq-length 1024)
BATCH="--micro-batch-size $MICRO --global-batch-size 256"
mkdir -p logs
torchrun "${DISTRIBUTED[@]}" pretrain_gpt.py ${MODEL[@]} $BATCH --bf16 --data-path "$DATA" \
    --vocab-size 50257
)");
  CHECK(config["model"]["transformer"]["heads"] == 16);
  CHECK(config["model"]["transformer"]["sequence_length"] == 1024);
  CHECK(config["parallelism"]["data"] == 32);
  CHECK(config["parallelism"]["micro_batches"] == 2);  // 256 / (4 x 32)
}

TEST_CASE("what a script does not say is named") {
  CHECK(fault_of("torchrun --nproc_per_node 8 pretrain_gpt.py " + kSmall.substr(0, 16) +
                 "--hidden-size $WIDTH\n") ==
        "run.sh, line 1: --hidden-size: $WIDTH is not set in this file; expected its value in its place");
  CHECK(fault_of("torchrun pretrain_gpt.py $GPT_ARGS --bf16\n").find("$GPT_ARGS is not set in this file") !=
        std::string::npos);
  CHECK(fault_of("X=$(date)\ntorchrun --nproc_per_node 8 pretrain_gpt.py --num-layers $X\n")
            .find("$(date) is not set in this file") != std::string::npos);
  CHECK(fault_of("torchrun pretrain_gpt.py --bf16 $MORE\n").find("behind --bf16: $MORE is not set") !=
        std::string::npos);
  CHECK(fault_of("[ -z $X ] && N=3\ntorchrun --nproc_per_node 8 pretrain_gpt.py --num-layers $N\n")
            .find("$N, set under a condition") != std::string::npos);
  CHECK(fault_of("if true; then\nN=1\nfi\n").starts_with("run.sh, line 1: \"if\": only assignments"));
  CHECK(fault_of("torchrun pretrain_bert.py --bf16").find("trains another kind of model") !=
        std::string::npos);
  CHECK(fault_of("python a.py --x\npython b.py --y\n").starts_with("run.sh, line 2: a second command"));
  CHECK(fault_of(kSmall.substr(0, kSmall.find("--world-size")))
            .starts_with("run.sh: does not say how many GPUs"));
  CHECK(fault_of("echo 'open\n") == "run.sh, line 1: a quote ' that nothing ends");
  CHECK(fault_of("A=(1 2\n") == "run.sh, line 1: a list that no \")\" ends");
  CHECK(fault_of("echo ${A\n") == "run.sh, line 1: a ${ that no } ends");
  CHECK(fault_of("").starts_with("run.sh: has no arguments"));
  CHECK(fault_of(std::string("\0\x01\xff\xfe", 4)).starts_with("run.sh: has no arguments"));
}

TEST_CASE("a list that doubles itself ends in one line") {
  std::string script = "A=(1)\n";
  for (int i = 0; i < 60; ++i) script += "A=(\"${A[@]}\" \"${A[@]}\")\n";
  CHECK(fault_of(script).find("more than 100000 words") != std::string::npos);
  script = "A=x\n";
  for (int i = 0; i < 60; ++i) script += "A=$A$A\n";
  CHECK(fault_of(script).find("a word of more than 1000000 characters") != std::string::npos);
}

TEST_CASE("an argument that is not known is refused with those that are") {
  const std::string fault = fault_with("--turbo --num-layer 3\n--log-interval 5 --wandb-project x");
  CHECK(fault.starts_with(
      "run.sh, line 4: not known, and may change what a step costs: \"--num-layer\", \"--turbo\"; take out"));
  CHECK(fault.find("--num-layers, ") != std::string::npos);
  CHECK(fault.find('\n') == std::string::npos);
  CHECK(assumes("--tp-comm-overlap", "--tp-comm-overlap is left out: the overlap"));
  CHECK(fault_with("--bf16 yes") == "run.sh, line 4: --bf16 takes no value, and has \"yes\"");
  CHECK(fault_with("--optimizer sgd") == "run.sh, line 4: --optimizer \"sgd\"; expected adam");
  CHECK(fault_with("--num-query-groups") == "run.sh, line 4: --num-query-groups has 0 values; expected one");
  CHECK(fault_with("--num-layers -3")
            .starts_with("run.sh, line 4: --num-layers \"-3\"; expected a whole number"));
  CHECK(fault_with("--num-layers 99999999999999999999").starts_with("run.sh, line 4: --num-layers \"99999"));
  CHECK(fault_of("--bf16").starts_with("run.sh: does not say how many GPUs"));
  CHECK(fault_of("--bf16", {.gpus = 8}) == "run.sh: missing argument --num-layers");
}

TEST_CASE("a Llama is imported as such") {
  const json model = with(
      "--swiglu --group-query-attention --num-query-groups 4 --untie-embeddings-and-output-weights "
      "--disable-bias-linear --position-embedding-type rope --attention-dropout 0 --hidden-dropout 0.0 "
      "--attention-backend=flash --kv-channels 128 --normalization RMSNorm")["model"]["transformer"];
  CHECK(model["kv_heads"] == 4);
  CHECK(model["head_size"] == 128);
  CHECK(model["gated_mlp"] == true);
  CHECK(model["ffn_hidden"] == 2688);  // floor(8/3 x 1024 / 64) x 64
  CHECK(model["tied_embeddings"] == false);
  CHECK(model["dropout"] == false);
  CHECK(model["flash_attention"] == true);
  CHECK(with("--attention-backend unfused")["model"]["transformer"]["flash_attention"] == false);
  CHECK(with("--transformer-impl local")["model"]["transformer"]["flash_attention"] == false);
  CHECK(with("--transformer-impl local --use-flash-attn")["model"]["transformer"]["flash_attention"] == true);
}

TEST_CASE("experts and latent attention are imported") {
  const json config = with(
      "--num-experts 64 --moe-router-topk 6 --moe-ffn-hidden-size 512 --moe-shared-expert-intermediate-size "
      "1024 "
      "--moe-layer-freq ([0]*1+[1]*23) --expert-model-parallel-size 4 --multi-latent-attention "
      "--kv-lora-rank 512 --moe-token-dispatcher-type alltoall --moe-router-load-balancing-type aux_loss");
  const json& model = config["model"]["transformer"];
  CHECK(model["experts"] == json{{"count", 64},
                                 {"per_token", 6},
                                 {"shared", 2},
                                 {"ffn_hidden", 512},
                                 {"dense_layers", 1},
                                 {"every", 1}});
  CHECK(model["latent_attention"] == json{{"q_lora_rank", 0},
                                          {"kv_lora_rank", 512},
                                          {"qk_nope_head_size", 128},
                                          {"qk_rope_head_size", 64},
                                          {"v_head_size", 128}});
  CHECK(config["parallelism"]["expert"] == 4);
  CHECK(with("--num-experts 8")["model"]["transformer"]["experts"]["dense_layers"] == 0);
  CHECK(with("--num-experts 8 --moe-layer-freq '[0, 1] * 12'")["model"]["transformer"]["experts"]["every"] ==
        2);
  // Every second layer from the first on: no config says that.
  CHECK(fault_with("--num-experts 8 --moe-layer-freq 2").find("--moe-layer-freq leaves experts to layers") !=
        std::string::npos);
  CHECK(fault_with("--num-experts 8 --moe-layer-freq [1]*23")
            .find("is of 23 layers; expected the model's 24") != std::string::npos);
  CHECK(fault_with("--num-experts 8 --moe-layer-freq [1*24").find("character 3: expected \"]\"") !=
        std::string::npos);
  CHECK(fault_with("--num-experts 8 --moe-layer-freq [1]*99999999999999999999").find("more than") !=
        std::string::npos);
  CHECK(fault_with("--expert-model-parallel-size 4").find("without --num-experts") != std::string::npos);
}

TEST_CASE("micro-batches follow from the global batch and the replicas") {
  CHECK(with("--context-parallel-size 2 --cp-comm-type a2a")["parallelism"]["context_exchange"] ==
        "all_to_all");
  CHECK(config_of(kSmall, {.gpus = 16})["parallelism"]["micro_batches"] == 1);
  CHECK(fault_of(kSmall, {.gpus = 12}).find("expected a multiple of micro-batch size 4 x data 12") !=
        std::string::npos);
  CHECK(error_of([] { return import_text(kSmall + "--pipeline-model-parallel-size 3", {.gpus = 8}); }) ==
        "--gpus: 8 GPUs; expected a multiple of tensor 1 x pipeline 3 x context 1");
}

TEST_CASE("recomputation is none, selective or full, and nothing between") {
  CHECK(with("")["parallelism"]["recompute"] == "none");
  CHECK(with("--recompute-activations")["parallelism"]["recompute"] == "selective");
  CHECK(with("--recompute-granularity selective --recompute-modules core_attn")["parallelism"]["recompute"] ==
        "selective");
  CHECK(
      with("--recompute-granularity full --recompute-method uniform --recompute-num-layers 1")["parallelism"]
                                                                                              ["recompute"] ==
      "full");
  CHECK(
      with("--recompute-granularity full --recompute-method block --recompute-num-layers 24")["parallelism"]
                                                                                             ["recompute"] ==
      "full");
  CHECK(fault_with("--recompute-granularity full --recompute-method block --recompute-num-layers 4")
            .find("block with 4 of 24 layers") != std::string::npos);
  CHECK(fault_with("--recompute-granularity selective --recompute-modules core_attn mlp")
            .find("\"mlp\"; expected core_attn") != std::string::npos);
  CHECK(fault_with("--recompute-granularity full").find("needs --recompute-method") != std::string::npos);
}

TEST_CASE("the optimizer's types and buckets are training") {
  const json zero = with("--use-distributed-optimizer --overlap-grad-reduce");
  CHECK(zero["parallelism"]["zero_stage"] == 1);
  CHECK(zero["training"]["gradient_bucket"] == "160000000 B");  // 40 M of 4 bytes
  CHECK(zero["training"]["overlap_gradients"] == true);
  CHECK(with("--overlap-grad-reduce --ddp-bucket-size 1000 --grad-reduce-in-bf16")["training"]
                                                                                  ["gradient_bucket"] ==
        "2000 B");
  CHECK(
      with("--use-precision-aware-optimizer --exp-avg-dtype bf16 --exp-avg-sq-dtype bf16")["training"]
                                                                                          ["moment_dtype"] ==
      "bf16");
  CHECK(fault_with("--exp-avg-dtype bf16").find("needs --use-precision-aware-optimizer") !=
        std::string::npos);
  CHECK(with("--fp8-format hybrid --fp8-recipe mxfp8")["model"]["transformer"]["compute_dtype"] == "mxfp8");
  CHECK(fault_with("--fp16").find("--fp16 and --bf16") != std::string::npos);
}

TEST_CASE("virtual stages interleave") {
  const json config = with("--pipeline-model-parallel-size 4 --num-layers-per-virtual-pipeline-stage 3");
  CHECK(config["parallelism"]["virtual_stages"] == 2);
  CHECK(config["schedule"]["name"] == "interleaved");
  CHECK(with("--pipeline-model-parallel-size 4 --num-virtual-stages-per-pipeline-rank 6 "
             "--microbatch-group-size-per-virtual-pipeline-stage 8")["schedule"] ==
        json{{"name", "interleaved"}, {"group", 8}});
  CHECK(fault_with("--pipeline-model-parallel-size 4 --num-layers-per-virtual-pipeline-stage 5")
            .find("no multiple") != std::string::npos);
}

TEST_CASE("uneven stages are layers of each stage") {
  const std::string four = "--pipeline-model-parallel-size 4 ";
  // 24 = 3 + 8 + 8 + 5.
  CHECK(with(four + "--decoder-first-pipeline-num-layers 3 --decoder-last-pipeline-num-layers 5")
            ["parallelism"]["layers_per_stage"] == json{3, 8, 8, 5});
  CHECK(with("--num-layers 22 " + four +
             "--account-for-embedding-in-pipeline-split --account-for-loss-in-pipeline-split")
            ["parallelism"]["layers_per_stage"] == json{5, 6, 6, 5});
  CHECK(fault_with("--pipeline-model-parallel-size 8 --num-layers 25")
            .find("25 layers do not divide among 8 stages") != std::string::npos);
  CHECK(
      fault_with(four + "--decoder-first-pipeline-num-layers 4").find("do not divide among 3 other ranks") !=
      std::string::npos);
}

TEST_CASE("a layout is cut at its bars, each chunk in turn") {
  const std::string head = "--pipeline-model-parallel-size 4 --pipeline-model-parallel-layout ";
  CHECK(with(head + "Et*3|(tt|)*2,(t*8)*2tL")["parallelism"]["layers_per_stage"] == json{3, 2, 2, 17});
  const json chunks = with(head + "'E|(t*4|)*6,L'");
  CHECK(chunks["parallelism"]["virtual_stages"] == 2);
  CHECK(chunks["parallelism"]["layers_per_stage"] == json{0, 4, 4, 4, 4, 4, 4, 0});
  CHECK_FALSE(with(head + "Et*6|(t*6|)*2t*6L")["parallelism"].contains("layers_per_stage"));
  // DeepSeek-V3: 61 layers on 16 ranks of two chunks, m and L on stages of their own.
  const std::string text = kSmall +
                           "--num-layers 61 --pipeline-model-parallel-size 16 --mtp-num-layers 1 "
                           "--pipeline-model-parallel-layout Et*3|(tt|)*29,m|L";
  json expected = json::array({3});
  for (int i = 0; i < 29; ++i) expected.push_back(2);
  expected.push_back(0);
  expected.push_back(0);
  CHECK(config_of(text, {.gpus = 16})["parallelism"]["layers_per_stage"] == expected);
  // clang 14 does not capture structured bindings.
  for (const auto& one :
       {std::pair{"Et|t", "4 stages"}, std::pair{"Et*8|t*8|t*8|", "one L, in the last"},
        std::pair{"t*8|Et*8|t*8|L", "one E"},
        std::pair{"Et*8|t*8|t*7|L", "has 23 layers (t); expected the 24"},
        std::pair{"Et*8|x", "character 6: expected E"}, std::pair{"E(t*8|t", "expected \")\""},
        std::pair{"Et*|L", "expected a whole number"}, std::pair{"Et*999999999999|L", "more than"},
        std::pair{"E)t", "a bracket that nothing opens"}}) {
    const std::string layout = one.first, fault = one.second;
    CAPTURE(layout);
    CHECK(fault_with(head + layout).find(fault == "4 stages" ? "expected a multiple of 4 ranks" : fault) !=
          std::string::npos);
  }
  CHECK(fault_with(head + std::string(1000, '(')).find("brackets within one another") != std::string::npos);
}

}  // namespace
}  // namespace ppsim::test::import_megatron_test
