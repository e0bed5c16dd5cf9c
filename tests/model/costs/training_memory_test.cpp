// Static memory by ZeRO stage and type, and what a pass takes while it runs.
#include <doctest/doctest.h>

#include <algorithm>

#include "model/presets.hpp"
#include "ppsim/model/collectives/collectives.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "support.hpp"

namespace ppsim::training_memory_test {
namespace {

Workload run(const Transformer& model, const Parallelism& p, const Training& training = {},
             const Cluster& cluster = round_cluster(8)) {
  return make_workload({cluster, model, training}, p, {p.pipeline, p.pipeline, {}});
}

double count(Bytes bytes) {
  return static_cast<double>(bytes.count());
}

TEST_CASE("ZeRO shares out the optimizer state, then gradients too, then weights too") {
  // Rajbhandari et al. 2020, figure 1: 2 + 2 + 12 bytes a parameter over N GPUs; here gradients are in fp32.
  const double n = 8;
  const auto per_parameter = [&](std::uint32_t stage) {
    Parallelism p = parallel(1, 1, 8);
    p.zero_stage = stage;
    return count(run(small_gpt(), p).stages[0].static_bytes()) / static_cast<double>(parameters(small_gpt()));
  };
  CHECK(per_parameter(0) == doctest::Approx(2 + 4 + 12));
  CHECK(per_parameter(1) == doctest::Approx(2 + 4 + 12 / n));
  CHECK(per_parameter(2) == doctest::Approx(2 + (4 + 12) / n));
  CHECK(per_parameter(3) == doctest::Approx((2 + 4 + 12) / n));
}

TEST_CASE("context groups hold copies as replicas do, and experts have as many fewer as they are spread") {
  Transformer model = small_gpt();
  model.gated_mlp = true;
  model.experts = Experts{.count = 8, .per_token = 2, .ffn_hidden = 512};
  Parallelism p = parallel(1, 1, 4);
  p.context = 2;
  p.expert = 4;
  p.zero_stage = 1;
  const StageCosts stage = run(model, p).stages[0];
  const double experts = 6.0 * 8 * 3 * 1024 * 512;
  const double others = static_cast<double>(parameters(model)) - experts;
  CHECK(count(stage.weights) == 2 * (others + experts / 4));
  CHECK(count(stage.optimizer) == 12 * (others / 8 + experts / 4 / 2));  // 4 x 2 GPUs, 4 groups: 2 copies
}

TEST_CASE("types of gradients, master copy and moments are counted as given") {
  const double n = static_cast<double>(parameters(small_gpt()));
  Training training;
  training.gradient_dtype = Dtype::Bf16;
  training.moment_dtype = Dtype::Fp8;
  const StageCosts stage = run(small_gpt(), parallel(1, 1), training).stages[0];
  CHECK(count(stage.gradients) == 2 * n);
  CHECK(count(stage.optimizer) == (4 + 2 * 1) * n);
  training.master_dtype.reset();
  CHECK(count(run(small_gpt(), parallel(1, 1), training).stages[0].optimizer) == 2 * n);
  training.master_dtype = Dtype::Bf16;  // as the weights: no copy
  CHECK(count(run(small_gpt(), parallel(1, 1), training).stages[0].optimizer) == 2 * n);
}

TEST_CASE("weights in another type than products have two copies in that of the products") {
  Transformer model = small_gpt();
  model.compute_dtype = Dtype::Mxfp8;
  Cluster cluster = round_cluster(8);
  cluster.gpu.peak[static_cast<std::size_t>(Dtype::Mxfp8)] = FlopsPerSecond(200e12);
  const Bytes more = run(model, parallel(1, 3), {}, cluster).stages[1].weights -
                     run(small_gpt(), parallel(1, 3)).stages[1].weights;
  // QKV, projection and MLP with their biases, but no norms; 33/32 bytes, two layers.
  CHECK(count(more) == 2 * (12 * 1024.0 * 1024 + 9 * 1024) * 2 * 33 / 32);
}

TEST_CASE("hidden states go on in their type of the wire") {
  Transformer model = small_gpt();
  model.wire_dtype = Dtype::Fp8;
  const StageCosts stage = run(model, parallel(1, 3)).stages[1];
  CHECK(stage.forward_transfer == Bytes(512 * 1024));
  CHECK(stage.activation == run(small_gpt(), parallel(1, 3)).stages[1].activation);
}

TEST_CASE("with ZeRO gradients are scattered in their type and weights gathered in theirs") {
  const double n = static_cast<double>(parameters(small_gpt()));
  Parallelism p = parallel(1, 1, 8);
  const auto reduction = [&] {
    const StageCosts stage = run(small_gpt(), p).stages[0];
    return Seconds(stage.duration(OpKind::GradientReduction) + stage.duration(OpKind::ParameterGather))
        .count();
  };
  const double latencies = 14e-6;
  CHECK(reduction() == doctest::Approx(2 * 7 / 8.0 * 4 * n / 400e9 + latencies));
  p.zero_stage = 1;
  CHECK(reduction() == doctest::Approx(7 / 8.0 * (4 + 2) * n / 400e9 + latencies));
}

TEST_CASE("a pass takes the gradients of its widest operator, and what recomputation makes again") {
  // In units of s b h in bf16, 1 MiB here; the gradient of the hidden states stands beside each operator.
  const double hidden = 512.0 * 1024 * 2;
  Training training;
  training.working_memory = true;
  const auto working = [&](Recompute recompute, const Transformer& model) {
    Parallelism p = parallel(1, 3);
    p.recompute = recompute;
    return count(run(model, p, training).stages[1].working) / hidden;
  };
  Transformer model = small_gpt();
  model.flash_attention = true;
  model.dropout = false;
  // The MLP's way down: gradients of its output, 1, and of its input, 4. The activation function has 4 on
  // either side, but by then the input of the way down, 4, is free.
  CHECK(working(Recompute::None, model) == 1 + (1 + 4));
  // All but the layer's input is made again: inputs of QKV, of the projection, of the norm and of the MLP, Q,
  // K and V, both sides of the activation function, and a sum in fp32 for each of the 16 heads of a token.
  CHECK(working(Recompute::Full, model) == (4 + 3 + 2 * 4 + 16 * 4 / 2048.0) + 1 + (1 + 4));
  // Selective makes the sums again, of Q, K and V that are kept.
  CHECK(working(Recompute::Selective, model) == 16 * 4 / 2048.0 + 1 + (1 + 4));
  CHECK(run(model, parallel(1, 3)).stages[1].working == Bytes(0));
}

TEST_CASE("the head's backward holds gradients of logits and of both ends of the product") {
  Transformer model = small_gpt();
  model.flash_attention = true;
  model.dropout = false;
  Training training;
  training.working_memory = true;
  training.fused_loss = true;
  const double hidden = 512.0 * 1024 * 2, logits = 512.0 * 8192 * 2;
  // The gradients of the logits take their place; before the head the hidden states stand twice.
  const StageCosts last = run(model, parallel(1, 3), training).stages[2];
  CHECK(count(last.working) == std::max(2 * hidden, (1 + 8 - 4) * hidden - (2 * hidden + logits)));
  const StageCosts middle = run(model, parallel(1, 3), training).stages[1];
  CHECK(count(last.activation - middle.activation) == 2 * hidden + logits);
  training.fused_loss = false;
  const StageCosts copied = run(model, parallel(1, 3), training).stages[2];
  CHECK(count(copied.activation - middle.activation) == 2 * hidden + 2 * logits);  // fp32
}

TEST_CASE("what arrives from neighbours has buffers") {
  Training training;
  training.working_memory = true;
  const auto stages = run(small_gpt(), parallel(1, 3), training).stages;
  const Bytes boundary = stages[1].forward_transfer;
  CHECK(stages[0].buffers == boundary);
  CHECK(stages[1].buffers == 2 * boundary);
  CHECK(stages[2].buffers == boundary);
}

TEST_CASE("placeholders are one for each shape of a weight") {
  Training training;
  training.gradient_placeholders = true;
  const auto stages = run(small_gpt(), parallel(1, 3), training).stages;
  const double h = 1024, v = 8192;
  // QKV, projection, up and down; the head on the last stage. None of the shapes is there twice.
  CHECK(count(stages[1].buffers) == 2 * (3 + 1 + 4 + 4) * h * h);
  CHECK(count(stages[2].buffers - stages[1].buffers) == 2 * v * h);
  Transformer experts = small_gpt();
  experts.gated_mlp = true;
  experts.experts = Experts{.count = 64, .per_token = 2, .ffn_hidden = 640};
  // All experts are alike: one of h x 2 f and one of f x h, beside QKV, projection and the router.
  CHECK(count(run(experts, parallel(1, 3), training).stages[1].buffers) ==
        2 * ((3 + 1) * h * h + 3 * h * 640 + 64 * h));
}

TEST_CASE("the allocator reserves more than is allocated, on top of what is taken before") {
  Workload workload = run(small_gpt(), parallel(1, 3));
  CHECK(workload.reserved(Bytes(1000)) == Bytes(1000));
  Cluster cluster = round_cluster(8);
  cluster.software.allocator_margin = 0.05;
  cluster.gpu.runtime_memory = Bytes(7);
  workload = run(small_gpt(), parallel(1, 3), {}, cluster);
  CHECK(workload.reserved(Bytes(1001)) == Bytes(1001 + 51 + 7));  // rounded up
}

template <class Change>
std::string where_with(Change change) {
  Transformer model = small_gpt();
  model.experts = Experts{.count = 8, .per_token = 2, .shared = 1, .ffn_hidden = 512};
  Parallelism p = parallel(2, 3, 4);
  p.sequence_parallel = true;
  change(model, p);
  return where_of([&] { return run(model, p); });
}

TEST_CASE("experts, context groups and ZeRO that do not fit are errors at the key that is to blame") {
  using T = Transformer;
  using P = Parallelism;
  CHECK(where_with([](T&, P&) {}) == "no error");
  CHECK(where_with([](T&, P& p) { p.expert = 4; }) == "no error");
  CHECK(where_with([](T&, P& p) { p.expert = 8; }) == "/parallelism/expert");  // 16 GPUs of experts, 8 there
  CHECK(where_with([](T&, P& p) {
          p.expert = 8;
          p.expert_tensor = 1;
        }) == "no error");
  CHECK(where_with([](T&, P& p) { p.expert = 3; }) == "/parallelism/expert");
  CHECK(where_with([](T& t, P& p) {
          t.experts.reset();
          p.expert = 2;
        }) == "/parallelism/expert");
  CHECK(where_with([](T& t, P& p) {
          t.experts.reset();
          p.expert_tensor = 2;
        }) == "/parallelism/expert_tensor");
  CHECK(where_with([](T&, P& p) {
          p.expert_tensor = 1;
          p.sequence_parallel = false;
        }) == "/parallelism/expert_tensor");
  CHECK(where_with([](T&, P& p) { p.expert_tensor = 4; }) == "/parallelism/expert_tensor");
  CHECK(where_with([](T& t, P&) { t.experts->shared = 0; }) == "no error");
  CHECK(where_with([](T& t, P&) { t.experts->per_token = 9; }) == "/model/transformer/experts/per_token");
  CHECK(where_with([](T& t, P&) { t.experts->dense_layers = 6; }) ==
        "/model/transformer/experts/dense_layers");
  CHECK(where_with([](T& t, P&) {
          t.latent_attention = LatentAttention{0, 0, 64, 32, 64};
        }) == "/model/transformer/latent_attention/kv_lora_rank");
  CHECK(where_with([](T& t, P&) {
          t.latent_attention = LatentAttention{0, 64, 64, 32, 64};
          t.kv_heads = 8;
        }) == "/model/transformer/kv_heads");
  CHECK(where_with([](T&, P& p) {
          p.data = 2;
          p.context = 3;
        }) == "/parallelism/context");
  CHECK(where_with([](T& t, P& p) {
          t.sequence_length = 514;
          p.context = 2;
        }) == "/parallelism/sequence_parallel");
  CHECK(where_with([](T& t, P& p) {
          t.heads = t.kv_heads = 2;
          p.context = 2;
          p.context_exchange = ContextExchange::AllToAll;
        }) == "/parallelism/context");
  CHECK(where_with([](T&, P& p) { p.zero_stage = 4; }) == "/parallelism/zero_stage");
  CHECK(where_of([] {
          Parallelism p = parallel(1, 3);
          p.zero_stage = 1;
          return inference(round_cluster(1), small_gpt(), p, 1);
        }) == "/parallelism/zero_stage");
}

}  // namespace
}  // namespace ppsim::training_memory_test
