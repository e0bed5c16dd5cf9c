// What make_workload() refuses and what it says that it assumed; and models given by the costs of their
// layers.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "model/presets.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "support.hpp"

namespace ppsim::model_workload_test {
namespace {

template <class Change>
std::string where_with(Change change) {
  Cluster cluster = round_cluster(4);
  Transformer model = small_gpt();
  Parallelism p = parallel(1, 3);
  change(cluster, model, p);
  return where_of([&] { return training(cluster, model, p); });
}

TEST_CASE("a model that does not fit its cluster is an error at the key that is to blame") {
  using C = Cluster;
  using T = Transformer;
  using P = Parallelism;
  CHECK(where_with([](C&, T&, P&) {}) == "no error");
  CHECK(where_with([](C& c, T&, P&) { c.gpu.peak = {}; }) == "/cluster/gpu/peak");
  CHECK(where_with([](C&, T& t, P&) { t.dtype = Dtype::Fp8; }) == "/cluster/gpu/peak");
  CHECK(where_with([](C&, T&, P& p) { p.data = 11; }) == "/parallelism");
  CHECK(where_with([](C&, T&, P& p) { p.tensor = 3; }) == "/parallelism/tensor");
  CHECK(where_with([](C&, T&, P& p) { p.pipeline = 7; }) == "/parallelism/pipeline");
  CHECK(where_with([](C&, T&, P& p) { p.layers_per_stage = {2, 2, 3}; }) == "/parallelism/layers_per_stage");
  CHECK(where_with([](C&, T& t, P&) { t.heads = t.kv_heads = 15; }) == "/model/transformer/heads");
  CHECK(where_with([](C&, T& t, P&) { t.kv_heads = 3; }) == "/model/transformer/kv_heads");
  CHECK(where_with([](C&, T& t, P&) { t.hidden = 0; }) == "/model/transformer/hidden");
  CHECK(where_with([](C&, T& t, P&) { t.sequence_length = 0; }) == "/model/transformer/sequence_length");
  CHECK(where_with([](C&, T& t, P&) { t.hidden = t.ffn_hidden = 1U << 31; }) == "/model/transformer");
  CHECK(where_with([](C&, T& t, P& p) {
          t.heads = t.kv_heads = 4;
          p.tensor = 8;
        }) == "/parallelism/tensor");
  CHECK(where_with([](C&, T& t, P& p) {
          t.ffn_hidden = 4097;
          p.tensor = 8;
        }) == "/parallelism/tensor");
  CHECK(where_with([](C&, T& t, P& p) {
          t.heads = 64;
          t.kv_heads = 16;
          p.tensor = 8;
        }) == "no error");
  CHECK(where_with([](C&, T& t, P& p) {
          t.heads = t.kv_heads = 1024;
          t.kv_heads = 4;
          p.tensor = 8;
        }) == "no error");
  CHECK(where_with([](C&, T& t, P& p) {
          t.sequence_length = 515;
          p.tensor = 8;
          p.sequence_parallel = true;
        }) == "/parallelism/sequence_parallel");
}

TEST_CASE("a stage without layers has the embedding or the head alone, or takes no time") {
  Parallelism whole = parallel(1, 1), apart = parallel(1, 4);
  apart.layers_per_stage = {0, 6, 0, 0};
  const StageCosts all = training(round_cluster(1), small_gpt(), whole).stages[0];
  const std::vector<StageCosts> stages = training(round_cluster(1), small_gpt(), apart).stages;
  CHECK(stages[2].duration(OpKind::Forward) == Time(0));
  CHECK(stages[2].duration(OpKind::Backward) == Time(0));
  CHECK(stages[2].weights == Bytes(0));
  CHECK(stages[3].duration(OpKind::Forward) > Time(0));
  Time forward{}, backward{};
  for (const StageCosts& stage : stages) {
    forward += stage.duration(OpKind::Forward);
    backward += stage.duration(OpKind::Backward);
  }
  // Each stage is rounded once.
  CHECK(std::abs((forward - all.duration(OpKind::Forward)).count()) <= 2);
  CHECK(std::abs((backward - all.duration(OpKind::Backward)).count()) <= 2);
}

TEST_CASE("layer costs need a layer on each stage, as they say what it sends") {
  LayerCosts costs;
  costs.layers.resize(3, {Flops(1e12), Flops(2e12), Bytes(10), Bytes(10), 5});
  Parallelism p = parallel(1, 3);
  p.layers_per_stage = {0, 3, 0};
  CHECK(where_of([&] { return training(round_cluster(1), costs, p); }) == "/parallelism/layers_per_stage/0");
}

TEST_CASE("KV heads divide the tensor group or are divided by it") {
  CHECK(where_with([](Cluster&, Transformer& t, Parallelism& p) {
          t.hidden = 1536;
          t.heads = 24;
          t.kv_heads = 12;
          p.tensor = 8;
        }) == "/parallelism/tensor");
}

TEST_CASE(
    "a pass that takes longer than 64-bit nanoseconds, or memory past 2^53 bytes, is an error and not a "
    "wrong figure") {
  CHECK(where_with([](Cluster& c, Transformer&, Parallelism&) {
          c.gpu.peak[static_cast<std::size_t>(Dtype::Bf16)] = FlopsPerSecond(1e-3);
        }) == "/model");
  CHECK(where_with([](Cluster&, Transformer& t, Parallelism& p) {
          t.sequence_length = 1U << 22;
          p.micro_batch_size = 1U << 20;
        }) == "/model");
}

// The sentences of a run, each checked to be one and to stand there once.
std::vector<std::string> sentences(const Workload& workload) {
  const std::set<std::string> distinct(workload.assumptions.begin(), workload.assumptions.end());
  CHECK(distinct.size() == workload.assumptions.size());
  for (const std::string& sentence : workload.assumptions) {
    CAPTURE(sentence);
    CHECK(std::isupper(static_cast<unsigned char>(sentence.front())));
    CHECK(sentence.back() == '.');
  }
  return workload.assumptions;
}

bool says(const std::vector<std::string>& all, const std::string& part) {
  return std::any_of(all.begin(), all.end(),
                     [&](const std::string& one) { return one.find(part) != std::string::npos; });
}

TEST_CASE("assumptions carry the figures of the run") {
  Parallelism p = parallel(8, 3);
  const auto all = sentences(training(round_cluster(3), small_gpt(), p));
  CHECK(says(all, "Matrix products reach 50 % of the 100 TFLOP/s that round GPU peaks at in bf16."));
  CHECK(says(all, "all 512 x 512 scores"));
  // 2 bytes x 512 x 1024 = 1.049 MB: 2 x 7/8 x 2.621 us + 14 us.
  CHECK(says(all,
             "2 all-reduces forward and 2 backward of 1.049 MB, each a ring over 8 GPUs of one node at 400 "
             "GB/s that "
             "takes 18.59 us"));
  CHECK(says(all, "2 bytes of weights, 4 of gradients and 12 of optimizer state"));
  CHECK(says(all, "GPT style"));
  CHECK(says(all, "tied embedding"));
}

TEST_CASE("assumptions say nothing of what a run does not have") {
  Transformer model = small_gpt();
  model.tied_embeddings = false;
  const auto all = sentences(training(round_cluster(1), model, parallel(1, 3)));
  for (const char* part :
       {"Tensor parallelism", "tensor group", "replica", "ecomputation", "tied", "token step", "copies"}) {
    CAPTURE(part);
    CHECK_FALSE(says(all, part));
  }
}

TEST_CASE("assumptions name recomputation, replicas, nodes, curves and token steps where there are any") {
  Cluster cluster = round_cluster(4);
  cluster.gpu.matmul_efficiency.points = {{Flops(1e6), 0.1}, {Flops(1e9), 0.6}};
  cluster.gpu.kernel_overhead = std::chrono::microseconds(3);
  Parallelism p = parallel(16, 1, 2);
  p.recompute = Recompute::Full;
  p.sequence_parallel = true;
  const auto all = sentences(training(cluster, small_gpt(), p));
  CHECK(says(all, "10 to 60 %, by size,"));
  CHECK(says(all, "each takes 3 us more to start"));
  CHECK(says(all, "16 GPUs on 2 nodes"));
  CHECK(says(all, "4 backward"));
  CHECK(says(all, "Full recomputation"));
  CHECK(says(all, "sequence parallelism"));
  CHECK(says(all, "ring over 2 replicas at 50 GB/s"));
  const auto serving = sentences(inference(round_cluster(1), small_gpt(), parallel(2, 2), 1));
  CHECK(says(serving, "reading its weights and KV cache at 2000 GB/s"));
  CHECK_FALSE(says(serving, "backward"));
  CHECK_FALSE(says(serving, "optimizer"));
}

TEST_CASE("assumptions name what is exchanged beside the tensor group, and what memory counts") {
  Transformer model = small_gpt();
  model.experts = Experts{.count = 8, .per_token = 2, .ffn_hidden = 512, .dense_layers = 1};
  model.flash_attention = true;
  model.dropout = false;
  Cluster cluster = round_cluster(4);
  cluster.gpu.memory_efficiency = 0.75;
  cluster.gpu.attention_efficiency = 0.25;
  cluster.gpu.matmul_tiling = MatmulTiling{128, 256, 132, 64};
  cluster.software.allocator_margin = 0.05;
  cluster.gpu.runtime_memory = Bytes(500'000'000);
  Parallelism p = parallel(2, 2, 4);
  p.context = 2;
  p.expert = 4;
  p.zero_stage = 2;
  Training types;
  types.gradient_dtype = Dtype::Bf16;
  types.working_memory = true;
  const auto all = sentences(make_workload({cluster, model, types}, p, {2, 2, {}}));
  for (const char* part :
       {"tiles of 128 x 256 on 132 processors leave idle, and 64 inner products",
        "reaches 25 % of the peak in bf16", "move their bytes at 75 % of 2000 GB/s",
        "computes the causal half of the scores", "context group of 2",
        // 256 tokens x 2 x 512 columns x 2 bytes = 524 kB: 1.311 us + 1 us.
        "go around in 1 send a layer of 0.5243 MB, 2.311 us each", "spread evenly over the 8 experts",
        // 256 tokens x 2 experts x 1024 x 2 bytes = 1.049 MB: 3 x (0.6554 + 1) us.
        "The 4 groups that hold a layer's experts exchange tokens in 2 all-to-alls forward and 2 backward, "
        "pairwise exchanges of 1.049 MB a GPU that take 4.966 us",
        // Each is 8 GPUs from the other, in the next node: eight rings on eight NICs.
        "Each routed expert has 2 copies, whose gradients are reduced at 50 GB/s", "one with experts",
        "no dropout", "gradients and optimizer state shared out among the replicas",
        "reduced in bf16 by a ring over 8 replicas",
        "layer by layer in every backward (where it is split, in W)", "go around behind the optimizer step",
        "reserves 5 % more than is allocated, and 500 MB are taken before", "while it runs"}) {
    CAPTURE(part);
    CHECK(says(all, part));
  }
}

TEST_CASE("assumptions name the algorithm of collectives, and all that ZeRO 3 exchanges") {
  Parallelism p = parallel(16, 1, 2);
  p.collectives = CollectiveAlgorithm::Tree;
  CHECK(
      says(sentences(training(round_cluster(4), small_gpt(), p)), "each a double binary tree over 16 GPUs"));
  p.sequence_parallel = true;
  CHECK(says(sentences(training(round_cluster(4), small_gpt(), p)), "each a ring over 16 GPUs"));
  p.collectives = CollectiveAlgorithm::Auto;
  p.zero_stage = 3;
  const auto all = sentences(training(round_cluster(4), small_gpt(), p));
  CHECK(says(all, "reduced in fp32 by the faster of a ring and rings within nodes and between them over 2"));
  CHECK(says(all, "gathered for every forward of it and again for every backward"));
  CHECK_FALSE(says(all, "at the end of the step"));  // no weights are left to go around
}

// Three layers, of 1, 2 and 3 TFLOP forward.
LayerCosts three_layers() {
  LayerCosts model;
  for (int n = 1; n <= 3; ++n)
    model.layers.push_back(
        {Flops(n * 1e12), Flops(n * 2e12), Bytes(n * 1000), Bytes(n * 100), n * 1'000'000ULL});
  model.sequence_length = 512;
  return model;
}

TEST_CASE("layers given by their costs take FLOPs / achievable peak, shared out over the tensor group") {
  Parallelism p = parallel(2, 2, 2);
  p.micro_batch_size = 4;
  p.micro_batches = 3;
  const Workload workload = training(round_cluster(1), three_layers(), p);
  const StageCosts& first = workload.stages[0];  // layers 1 and 2
  CHECK(first.duration(OpKind::Forward) == std::chrono::milliseconds(4 * 3 * 1000 / 2 / 50));
  CHECK(first.duration(OpKind::Backward) == 2 * first.duration(OpKind::Forward));
  CHECK(first.duration(OpKind::InputGrad) == first.duration(OpKind::Backward) / 2);
  CHECK(first.duration(OpKind::InputGrad) + first.duration(OpKind::WeightGrad) ==
        first.duration(OpKind::Backward));
  CHECK(first.activation == Bytes(4 * 3000 / 2));
  CHECK(first.forward_transfer == Bytes(4 * 200));
  CHECK(workload.stages[1].backward_transfer == Bytes(4 * 200));
  CHECK(first.weights == Bytes(2 * 3'000'000 / 2));
  CHECK(first.optimizer == Bytes(12 * 3'000'000 / 2));
  CHECK(first.duration(OpKind::GradientReduction) > Time(0));
  CHECK(*workload.tokens_per_step == 4 * 3 * 2 * 512);
  CHECK(workload.model_flops_per_step->count() == 4 * 3 * 2 * 18e12);
  CHECK(says(sentences(workload), "Layers reach 50 %"));
}

TEST_CASE("slices share a stage evenly; steps multiply tokens and FLOPs; versions the weights alone") {
  const Parallelism p = parallel(1, 3);
  const ModelInput input{round_cluster(4), small_gpt()};
  const RunShape plain{.ranks = 3, .stages = 3};
  const Workload whole = make_workload(input, p, plain);
  RunShape shape = plain;
  shape.slices = 4;
  const Workload cut = make_workload(input, p, shape);
  for (std::size_t s = 0; s < 3; ++s) {
    const StageCosts &a = whole.stages[s], &b = cut.stages[s];
    CHECK(std::abs((4 * b.duration(OpKind::Forward) - a.duration(OpKind::Forward)).count()) <= 2);
    CHECK(std::abs((4 * b.duration(OpKind::Backward) - a.duration(OpKind::Backward)).count()) <= 4);
    CHECK(b.duration(OpKind::InputGrad) + b.duration(OpKind::WeightGrad) == b.duration(OpKind::Backward));
    CHECK(4 * b.activation >= a.activation);
    CHECK(4 * b.activation < a.activation + Bytes(4));
    CHECK(4 * b.forward_transfer >= a.forward_transfer);
    CHECK(b.weights == a.weights);
  }
  CHECK(cut.tokens_per_step == whole.tokens_per_step);
  CHECK(says(sentences(cut), "Each of the 4 slices"));
  shape = plain;
  shape.steps = 3;
  shape.weight_versions = 2;
  const Workload steps = make_workload(input, p, shape);
  CHECK(*steps.tokens_per_step == 3 * *whole.tokens_per_step);
  CHECK(steps.model_flops_per_step->count() == 3 * whole.model_flops_per_step->count());
  CHECK(steps.stages[1].weights == 2 * whole.stages[1].weights);
  CHECK(steps.stages[1].optimizer == whole.stages[1].optimizer);
  CHECK(steps.stages[1].duration(OpKind::Forward) == whole.stages[1].duration(OpKind::Forward));
}

TEST_CASE("full recomputation of such layers keeps their inputs and runs their forwards again") {
  Parallelism p = parallel(1, 1);
  p.recompute = Recompute::Full;
  const StageCosts stage = training(round_cluster(1), three_layers(), p).stages[0];
  CHECK(stage.duration(OpKind::Backward) == std::chrono::milliseconds(18 * 1000 / 50));
  CHECK(stage.activation ==
        Bytes(100 + 100 + 200));  // the first layer's input is taken to be as large as its output
}

TEST_CASE("such layers serve no inference and no selective recomputation") {
  Parallelism p = parallel(1, 1);
  CHECK(where_of([&] { return inference(round_cluster(1), three_layers(), p, 1); }) == "/model/layer_costs");
  p.recompute = Recompute::Selective;
  CHECK(where_of([&] { return training(round_cluster(1), three_layers(), p); }) == "/parallelism/recompute");
  p = parallel(1, 1);
  p.context = 2;
  CHECK(where_of([&] { return training(round_cluster(1), three_layers(), p); }) == "/parallelism/context");
  p = parallel(1, 1);
  p.expert = 2;
  CHECK(where_of([&] { return training(round_cluster(1), three_layers(), p); }) == "/parallelism/expert");
  Training asked;
  asked.working_memory = true;
  CHECK(where_of([&] {
          return make_workload({round_cluster(1), three_layers(), asked}, parallel(1, 1), {1, 1, {}});
        }) == "/training/working_memory");
  LayerCosts model = three_layers();
  model.sequence_length = 0;
  CHECK_FALSE(training(round_cluster(1), model, parallel(1, 1)).tokens_per_step.has_value());
}

}  // namespace
}  // namespace ppsim::model_workload_test
