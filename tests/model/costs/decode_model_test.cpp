// Inference: prefill, token steps and KV cache. The round GPU reads 2 TB/s and computes 50 TFLOP/s.
#include <doctest/doctest.h>

#include <cmath>

#include "model/presets.hpp"
#include "ppsim/model/collectives/collectives.hpp"
#include "ppsim/model/costs/workload.hpp"

namespace ppsim::decode_model_test {
namespace {

constexpr double kRead = 2e12;
constexpr double kAchieved = 50e12;

void check_time(Time time, double seconds) {
  CHECK(std::abs(static_cast<double>(time.count()) - seconds * 1e9) < 1.0);
}

double layer_bytes(const Transformer& model) {
  return 2.0 * static_cast<double>(layer_parameters(model));
}

TEST_CASE("a token step reads each layer's weights and the KV cache of all tokens so far, its own included") {
  const StageCosts stage = inference(round_cluster(1), small_gpt(), parallel(1, 3), 3).stages.at(1);
  REQUIRE(stage.decode_forward.size() == 3);
  for (int step = 1; step <= 3; ++step) {
    const double kv = (512 + step) * 2 * 1024 * 2.0;  // K and V, h wide, 2 bytes
    check_time(stage.decode_forward[step - 1], 2 * (layer_bytes(small_gpt()) + kv) / kRead);
  }
}

TEST_CASE("a token step takes as long as its FLOPs where these take longer than reading") {
  Cluster cluster = round_cluster(1);
  cluster.gpu.memory_bandwidth = BytesPerSecond(1'000'000'000'000'000);
  Parallelism p = parallel(1, 3);
  p.micro_batch_size = 64;
  const StageCosts stage = inference(cluster, small_gpt(), p, 1).stages.at(1);
  const double h = 1024, context = 513;
  check_time(stage.decode_forward[0], 2 * 64 * (24 * h * h + 4 * context * h) / kAchieved);
}

TEST_CASE("the head adds the longer of its FLOPs and its weights on the last stage") {
  const auto stages = inference(round_cluster(1), small_gpt(), parallel(1, 3), 1).stages;
  CHECK(stages[0].decode_forward == stages[1].decode_forward);
  check_time(stages[2].decode_forward[0] - stages[1].decode_forward[0], 8192.0 * 1024 * 2 / kRead);
}

TEST_CASE(
    "token steps pay each kernel's overhead on top, and tensor parallelism's all-reduces of one token") {
  Cluster cluster = round_cluster(3);
  const auto step = [&cluster](std::uint32_t tensor) {
    return inference(cluster, small_gpt(), parallel(tensor, 3), 1).stages.at(1);
  };
  const Time bare = step(1).decode_forward[0];
  cluster.gpu.kernel_overhead = std::chrono::microseconds(3);
  CHECK(step(1).decode_forward[0] - bare == std::chrono::microseconds(2 * 6 * 3));

  cluster.gpu.kernel_overhead = Time(0);
  const double comm = 4 * all_reduce_time(cluster, {8, 1}, Bytes(1024 * 2)).count();
  const StageCosts eight = step(8);
  check_time(eight.decode.tensor_comm, comm);
  // The embedding's on the first stage.
  check_time(inference(cluster, small_gpt(), parallel(8, 3), 1).stages.at(0).decode.tensor_comm,
             comm * 5 / 4);
  check_time(eight.decode_forward[0],
             2 * (layer_bytes(small_gpt()) + 513 * 2 * 1024 * 2.0) / 8 / kRead + comm);
}

TEST_CASE("prefill is a forward of the prompt") {
  const StageCosts serving = inference(round_cluster(1), small_gpt(), parallel(1, 3), 1).stages.at(2);
  CHECK(serving.duration(OpKind::Forward) ==
        training(round_cluster(1), small_gpt(), parallel(1, 3)).stages.at(2).duration(OpKind::Forward));
  CHECK(serving.duration(OpKind::Backward) == Time(0));
}

TEST_CASE(
    "the KV cache holds K and V of a stage's layers for every token, the tensor group's heads shared out") {
  Parallelism p = parallel(2, 3);
  p.micro_batch_size = 3;
  const StageCosts stage = inference(round_cluster(1), small_gpt(), p, 2).stages.at(1);
  // 3 samples x 2 layers x 2 (K, V) x 1024 / 2 x 2 bytes
  CHECK(stage.kv_cache_step == Bytes(3 * 2 * 2 * 512 * 2));
  CHECK(stage.kv_cache_prefill == Bytes(512 * (3 * 2 * 2 * 512 * 2)));
  // 8 KV heads of 128 over 16 GPUs: one each, and no less.
  const StageCosts llama = inference(round_cluster(4), llama_70b(), parallel(16, 2), 1).stages.at(1);
  CHECK(llama.kv_cache_step == Bytes(40 * 2 * 128 * 2));
}

TEST_CASE("a token's hidden states go on whole, whatever sequence parallelism does to the prompt's") {
  Parallelism p = parallel(2, 3);
  p.micro_batch_size = 3;
  p.sequence_parallel = true;
  const StageCosts stage = inference(round_cluster(1), small_gpt(), p, 2).stages.at(1);
  CHECK(stage.decode_transfer == Bytes(3 * 1024 * 2));
  CHECK(stage.forward_transfer == Bytes(3 * 512 * 1024 * 2 / 2));
}

TEST_CASE("tokens and FLOPs of a request batch are those of the prompts and of every token step") {
  Parallelism p = parallel(1, 3, 2);
  p.micro_batch_size = 3;
  p.micro_batches = 5;
  const Workload workload = inference(round_cluster(1), small_gpt(), p, 2);
  CHECK(*workload.tokens_per_step == 3 * 5 * 2 * (512 + 2));
  const double h = 1024, v = 8192, s = 512;
  const auto forward = [&](double tokens, double context) {
    return 6 * tokens * (24 * h * h + 4 * context * h) + 2 * tokens * h * v;
  };
  CHECK(workload.model_flops_per_step->count() ==
        doctest::Approx(30 * (forward(s, s) + forward(1, s + 1) + forward(1, s + 2))).epsilon(1e-12));
}

TEST_CASE("a token step reads the experts that its tokens visit, at most all") {
  Transformer model = small_gpt();
  model.gated_mlp = true;
  model.experts = Experts{.count = 8, .per_token = 2, .ffn_hidden = 512};
  const double expert = 3 * 1024.0 * 512;
  const double others = static_cast<double>(layer_parameters(model)) - 8 * expert;
  const auto step = [&](std::uint32_t samples) {
    Parallelism p = parallel(1, 3);
    p.micro_batch_size = samples;
    return inference(round_cluster(1), model, p, 1).stages.at(1).decode_forward[0];
  };
  const double kv = 513 * 2 * 1024 * 2.0;
  check_time(step(1), 2 * (2 * (others + 2 * expert) + kv) / kRead);
  check_time(step(3), 2 * (2 * (others + 6 * expert) + 3 * kv) / kRead);
  check_time(step(8), 2 * (2 * (others + 8 * expert) + 8 * kv) / kRead);
}

TEST_CASE("latent attention caches its latent and the shared key, and a token step reads them alone") {
  Transformer model = small_gpt();
  model.gated_mlp = true;
  model.latent_attention = LatentAttention{0, 128, 64, 32, 64};
  for (const std::uint32_t tensor : {1U, 2U}) {
    const StageCosts stage = inference(round_cluster(1), model, parallel(tensor, 3), 1).stages.at(1);
    CHECK(stage.kv_cache_step == Bytes(2 * (128 + 32) * 2));  // two layers; on every GPU of the group
  }
  const StageCosts stage = inference(round_cluster(1), model, parallel(1, 3), 1).stages.at(1);
  check_time(stage.decode_forward[0], 2 * (layer_bytes(model) + 513 * (128 + 32) * 2.0) / kRead);
  // Where compute bounds it: heads work on the latent, 128 + 32 wide for the scores and 128 for the context.
  Cluster cluster = round_cluster(1);
  cluster.gpu.memory_bandwidth = BytesPerSecond(1'000'000'000'000'000);
  const double h = 1024, a = 16;
  const double projections = h * a * 96 + h * (128 + 32) + 128 * a * (64 + 64) + a * 64 * h + 3 * h * 4096;
  check_time(inference(cluster, model, parallel(1, 3), 1).stages.at(1).decode_forward[0],
             2 * 2 * (projections + a * 513 * (128 + 32 + 128)) / kAchieved);
}

TEST_CASE("a GPU that reaches a part of its memory's bandwidth reads that much slower") {
  Cluster cluster = round_cluster(1);
  cluster.gpu.memory_efficiency = 0.5;
  const Time whole =
      inference(round_cluster(1), small_gpt(), parallel(1, 3), 1).stages.at(1).decode_forward[0];
  const Time half = inference(cluster, small_gpt(), parallel(1, 3), 1).stages.at(1).decode_forward[0];
  CHECK(std::abs((half - 2 * whole).count()) <= 2);
}

}  // namespace
}  // namespace ppsim::decode_model_test
