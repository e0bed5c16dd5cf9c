// What software costs beside its kernels: launches by the host, pauses between passes, collectives' starts.
// The round GPU reaches 50 TFLOP/s.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "model/presets.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "support.hpp"

namespace ppsim::overheads_test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

Cluster with(Time Software::*overhead, Time time) {
  Cluster cluster = round_cluster(3);
  cluster.software.*overhead = time;
  return cluster;
}

StageCosts middle(const Cluster& cluster, const Parallelism& p, const Transformer& model = small_gpt()) {
  return training(cluster, model, p).stages.at(1);
}

// Of a layer of small_gpt(), as the operators stand in model/operators.hpp. Products: qkv, scores, context,
// projection, up, down. Memory-bound: 2 norms, softmax, activation, 2 residuals, and dropout behind softmax
// and both residuals: 9. Backward each of these once, and of a product its two gradients; those of scores and
// context belong to inputs both.
constexpr int kForward = 6 + 9;
constexpr int kInputGrad = 4 + 2 * 2 + 9;
constexpr int kWeightGrad = 4;

TEST_CASE(
    "a host that launches more slowly than the GPU computes sets the pace: kernels times their launch") {
  const StageCosts slow = middle(with(&Software::launch_overhead, milliseconds(1)), parallel(1, 3));
  CHECK(slow.duration(OpKind::Forward) == milliseconds(2 * kForward));
  CHECK(slow.duration(OpKind::InputGrad) == milliseconds(2 * kInputGrad));
  CHECK(slow.duration(OpKind::WeightGrad) == milliseconds(2 * kWeightGrad));
  CHECK(slow.duration(OpKind::Backward) == milliseconds(2 * (kInputGrad + kWeightGrad)));
}

TEST_CASE("a host that is quick enough costs nothing") {
  const StageCosts without = middle(round_cluster(3), parallel(1, 3));
  const StageCosts quick = middle(with(&Software::launch_overhead, Time(10)), parallel(1, 3));
  CHECK(quick.duration(OpKind::Forward) == without.duration(OpKind::Forward));
  CHECK(quick.duration(OpKind::Backward) == without.duration(OpKind::Backward));
  CHECK(quick.duration(OpKind::InputGrad) == without.duration(OpKind::InputGrad));
  CHECK(quick.duration(OpKind::WeightGrad) == without.duration(OpKind::WeightGrad));
}

TEST_CASE(
    "each pass takes the longer of the two, so that a backward hides in one half what the other lacks") {
  // W computes 2 x 24 b s h^2 / 50 TFLOP/s in 8 launches, I that and 16 b s^2 h more in 34: at 30 us a launch
  // I waits for its host and W does not, and both together are short of neither by themselves.
  const double s = 512, h = 1024;
  const double w = 2 * 24 * s * h * h / 50e12, i = w + 2 * 8 * s * s * h / 50e12;
  const double launch = 30e-6;
  REQUIRE(34 * launch > i);
  REQUIRE(8 * launch < w);
  const StageCosts stage = middle(with(&Software::launch_overhead, microseconds(30)), parallel(1, 3));
  CHECK(static_cast<double>(stage.duration(OpKind::InputGrad).count()) == doctest::Approx(34 * launch * 1e9));
  CHECK(static_cast<double>(stage.duration(OpKind::WeightGrad).count()) == doctest::Approx(w * 1e9));
  CHECK(static_cast<double>(stage.duration(OpKind::Backward).count()) ==
        doctest::Approx(std::max(42 * launch, i + w) * 1e9));
  CHECK(stage.duration(OpKind::Backward) <
        stage.duration(OpKind::InputGrad) + stage.duration(OpKind::WeightGrad));
}

TEST_CASE("what CUDA graphs launch costs the host nothing") {
  ModelInput input{with(&Software::launch_overhead, milliseconds(1)), small_gpt()};
  input.training.captured_launches = 0.75;
  const StageCosts stage = make_workload(input, parallel(1, 3), {3, 3, {}}).stages.at(1);
  CHECK(stage.duration(OpKind::Forward) == microseconds(250) * (2 * kForward));
  CHECK(stage.duration(OpKind::WeightGrad) == microseconds(250) * (2 * kWeightGrad));
}

TEST_CASE("products of routed experts reach their share of the speed of others, and no others do") {
  Transformer model = small_gpt();
  model.gated_mlp = true;
  model.experts = Experts{.count = 8, .per_token = 2, .shared = 1, .ffn_hidden = 512};
  Cluster cluster = round_cluster(3);
  cluster.gpu.expert_efficiency = 0.25;
  const StageCosts slow = middle(cluster, parallel(1, 3), model),
                   quick = middle(round_cluster(3), parallel(1, 3), model);
  // Of two layers, each token visits two experts of three h x f products; backward is twice that.
  const double routed = 2 * (2.0 * 512 * 2 * 3 * 1024 * 512) / 50e12 * 1e9;
  CHECK(static_cast<double>((slow.duration(OpKind::Forward) - quick.duration(OpKind::Forward)).count()) ==
        doctest::Approx(routed * 3).epsilon(1e-5));
  CHECK(static_cast<double>((slow.duration(OpKind::Backward) - quick.duration(OpKind::Backward)).count()) ==
        doctest::Approx(2 * routed * 3).epsilon(1e-5));
  CHECK(middle(cluster, parallel(1, 3)).duration(OpKind::Forward) ==
        middle(round_cluster(3), parallel(1, 3)).duration(OpKind::Forward));
}

TEST_CASE("collectives come on top of what the host launches") {
  Parallelism p = parallel(8, 3);
  const StageCosts stage = middle(with(&Software::launch_overhead, milliseconds(1)), p);
  CHECK(stage.ops[OpKind::Forward].tensor_comm > Time(0));
  CHECK(stage.duration(OpKind::Forward) ==
        milliseconds(2 * kForward) + stage.ops[OpKind::Forward].tensor_comm);
  CHECK(stage.duration(OpKind::Backward) ==
        milliseconds(2 * (kInputGrad + kWeightGrad)) + stage.ops[OpKind::Backward].tensor_comm);
}

TEST_CASE("full recomputation launches a layer's forward again") {
  Parallelism p = parallel(1, 3);
  p.recompute = Recompute::Full;
  const StageCosts stage = middle(with(&Software::launch_overhead, milliseconds(1)), p);
  CHECK(stage.duration(OpKind::InputGrad) == milliseconds(2 * (kForward + kInputGrad)));
  CHECK(stage.duration(OpKind::WeightGrad) == milliseconds(2 * kWeightGrad));
}

TEST_CASE("what lies between passes is added to each of them where there is a pipeline, and only there") {
  const Cluster cluster = with(&Software::pass_overhead, microseconds(100));
  const StageCosts without = middle(round_cluster(3), parallel(1, 3));
  const StageCosts stage = middle(cluster, parallel(1, 3));
  CHECK(stage.duration(OpKind::Forward) - without.duration(OpKind::Forward) == microseconds(100));
  CHECK(stage.duration(OpKind::Backward) - without.duration(OpKind::Backward) == microseconds(100));
  CHECK(stage.duration(OpKind::WeightGrad) - without.duration(OpKind::WeightGrad) == microseconds(100));
  // Split, a backward is two passes.
  CHECK(std::abs((stage.duration(OpKind::InputGrad) - without.duration(OpKind::InputGrad) - microseconds(100))
                     .count()) <= 1);

  const auto single = [](const Cluster& one) {
    return training(one, small_gpt(), parallel(1, 1)).stages.at(0);
  };
  CHECK(single(cluster).duration(OpKind::Forward) == single(round_cluster(3)).duration(OpKind::Forward));
  CHECK(single(cluster).duration(OpKind::Backward) == single(round_cluster(3)).duration(OpKind::Backward));
}

TEST_CASE(
    "each layer that full recomputation runs again costs its overhead once, and no other recomputation "
    "does") {
  Parallelism p = parallel(1, 3);
  const auto added = [&](Recompute recompute) {
    p.recompute = recompute;
    return middle(with(&Software::checkpoint_overhead, microseconds(70)), p).duration(OpKind::Backward) -
           middle(round_cluster(3), p).duration(OpKind::Backward);
  };
  CHECK(added(Recompute::Full) == microseconds(2 * 70));
  CHECK(added(Recompute::Selective) == Time(0));
  CHECK(added(Recompute::None) == Time(0));
}

TEST_CASE("every collective starts with its overhead: four all-reduces of two layers each way") {
  const Cluster cluster = with(&Software::collective_overhead, microseconds(25));
  const Parallelism p = parallel(8, 3);
  const StageCosts stage = middle(cluster, p), without = middle(round_cluster(3), p);
  CHECK(stage.duration(OpKind::Forward) - without.duration(OpKind::Forward) == microseconds(4 * 25));
  CHECK(stage.ops[OpKind::Forward].tensor_comm - without.ops[OpKind::Forward].tensor_comm ==
        microseconds(4 * 25));
  CHECK(stage.duration(OpKind::Backward) - without.duration(OpKind::Backward) == microseconds(4 * 25));
  CHECK(middle(cluster, parallel(1, 3)).duration(OpKind::Forward) ==
        middle(round_cluster(3), parallel(1, 3)).duration(OpKind::Forward));
}

TEST_CASE("the reduction of gradients is a collective too, one a bucket") {
  const Cluster cluster = with(&Software::collective_overhead, microseconds(25));
  const auto reduction = [](const Cluster& on, Bytes bucket) {
    Training settings;
    settings.gradient_bucket = bucket;
    return make_workload({on, small_gpt(), settings}, parallel(1, 3, 2), {3, 3, {}}).stages.at(1);
  };
  const StageCosts whole = reduction(cluster, Bytes(0));
  CHECK(whole.duration(OpKind::GradientReduction) -
            reduction(round_cluster(3), Bytes(0)).duration(OpKind::GradientReduction) ==
        microseconds(25));
  const StageCosts buckets = reduction(cluster, Bytes(20'000'000));
  REQUIRE(buckets.gradient_buckets > 1);
  CHECK(buckets.duration(OpKind::GradientReduction) -
            reduction(round_cluster(3), Bytes(20'000'000)).duration(OpKind::GradientReduction) ==
        microseconds(25 * buckets.gradient_buckets));
}

TEST_CASE("a product with a side that is no multiple of 16 bytes keeps its share of the speed") {
  Cluster cluster = round_cluster(3);
  cluster.gpu.unaligned_efficiency = 0.4;
  const auto last = [](const Cluster& on, std::uint32_t vocabulary) {
    Transformer model = small_gpt();
    model.vocabulary = vocabulary;
    return training(on, model, parallel(1, 3)).stages.at(2);
  };
  // 8192 numbers of 2 bytes are a multiple of 16 bytes; so are 8200, and 8201 are not.
  for (const std::uint32_t vocabulary : {8192U, 8200U})
    CHECK(last(cluster, vocabulary).duration(OpKind::Forward) ==
          last(round_cluster(3), vocabulary).duration(OpKind::Forward));
  const double head = 2.0 * 512 * 1024 * 8201 / 50e12;  // 2 b s h v, and as much for each gradient
  const StageCosts slow = last(cluster, 8201), quick = last(round_cluster(3), 8201);
  const auto added = [](Time a, Time b) { return static_cast<double>((a - b).count()); };
  CHECK(added(slow.duration(OpKind::Forward), quick.duration(OpKind::Forward)) ==
        doctest::Approx(head * (1 / 0.4 - 1) * 1e9).epsilon(1e-5));
  CHECK(added(slow.duration(OpKind::Backward), quick.duration(OpKind::Backward)) ==
        doctest::Approx(2 * head * (1 / 0.4 - 1) * 1e9).epsilon(1e-5));
}

TEST_CASE("the optimizer moves its bytes at its own share of the bandwidth, or that of other kernels") {
  // Reads gradients (4 bytes), reads and writes master copy and moments (2 x 12), writes weights (2): 30.
  const auto step = [](std::optional<double> optimizer, std::optional<double> memory, Time overhead) {
    Cluster cluster = round_cluster(3);
    cluster.gpu.optimizer_efficiency = optimizer;
    cluster.gpu.memory_efficiency = memory;
    cluster.software.step_overhead = overhead;
    return middle(cluster, parallel(1, 3));
  };
  const double parameters = static_cast<double>(step({}, {}, {}).weights.count()) / 2;
  const double moved = 30 * parameters / 2e12 * 1e9;
  const auto ns = [&](std::optional<double> optimizer, std::optional<double> memory) {
    return static_cast<double>(step(optimizer, memory, {}).duration(OpKind::OptimizerStep).count());
  };
  CHECK(ns({}, {}) == 0);
  CHECK(ns(0.5, {}) == doctest::Approx(moved / 0.5).epsilon(1e-5));
  CHECK(ns({}, 0.8) == doctest::Approx(moved / 0.8).epsilon(1e-5));
  CHECK(ns(0.5, 0.8) == doctest::Approx(moved / 0.5).epsilon(1e-5));
  // It is no part of any pass.
  CHECK(step(0.5, {}, {}).duration(OpKind::Forward) == step({}, {}, {}).duration(OpKind::Forward));
  CHECK(step({}, {}, milliseconds(3)).duration(OpKind::OptimizerStep) == milliseconds(3));
  CHECK(step(0.5, {}, milliseconds(3)).duration(OpKind::OptimizerStep) -
            step(0.5, {}, {}).duration(OpKind::OptimizerStep) ==
        milliseconds(3));
}

bool says(const Workload& workload, const std::string& sentence) {
  return std::find(workload.assumptions.begin(), workload.assumptions.end(), sentence) !=
         workload.assumptions.end();
}

// Sentences that `changed` adds to what the round cluster's run says, in whatever order.
void check_sentence(const ModelInput& changed, const Parallelism& p, const std::string& sentence) {
  CAPTURE(sentence);
  CHECK(says(make_workload(changed, p, {p.pipeline, p.pipeline, {}}), sentence));
  CHECK_FALSE(
      says(make_workload({round_cluster(3), changed.model}, p, {p.pipeline, p.pipeline, {}}), sentence));
}

TEST_CASE("a run says which of these are in use") {
  Parallelism p = parallel(8, 3);
  p.recompute = Recompute::Full;
  ModelInput input{round_cluster(3), small_gpt()};
  Gpu& gpu = input.cluster.gpu;
  Software& software = input.cluster.software;
  software.launch_overhead = microseconds(3);
  software.pass_overhead = microseconds(40);
  software.checkpoint_overhead = microseconds(50);
  software.collective_overhead = microseconds(60);
  software.step_overhead = milliseconds(7);
  gpu.unaligned_efficiency = 0.25;
  gpu.optimizer_efficiency = 0.5;
  input.training.kernels[static_cast<std::size_t>(KernelKind::Norm)] = {.bytes = 5, .kernels = 6, .kept = 2};
  input.training.kernels[static_cast<std::size_t>(KernelKind::Rotary)] = {.kernels = 8};
  input.training.unfused_softmax = KernelFactors{.bytes = 3, .kernels = 4};
  input.training.gathered_logits = true;
  for (const char* sentence :
       {"The host takes 3 us to launch a kernel, and a pass the longer of launching its kernels and of "
        "computing "
        "them; collectives come on top.",
        "A product with a side that is no multiple of 16 bytes keeps 25 % of its speed.",
        "Each pass of the pipeline takes 40 us more, which the software spends.",
        "Each layer that is run again takes 50 us more, which the software spends.",
        "Each collective takes 60 us more, which the software spends.",
        "Each step takes 7000 us more, which the software spends.",
        "The optimizer moves its bytes at 50 % of the memory's bandwidth.",
        "Of what one kernel would take the software takes: norm 5 x the bytes in 6 x the kernels and 2 x "
        "what is "
        "kept; rotary 1 x the bytes in 8 x the kernels.",
        "Samples x heads of a GPU are no multiple of 4, so that softmax is not fused: it takes 3 x the bytes "
        "in 4 x "
        "the kernels.",
        "The loss gathers all logits on every GPU of a tensor group, and copies them."})
    check_sentence(input, p, sentence);
  Transformer flash = small_gpt();
  flash.flash_attention = true;
  input.model = flash;
  input.training.attention_work = 1.5;
  check_sentence(input, p, "Flash attention takes 1.5 times what its FLOPs do.");
  input.training.captured_launches = 0.5;
  check_sentence(
      input, p,
      "The host takes 3 us to launch a kernel (but 50 % of them, which CUDA graphs launch), and a pass the "
      "longer of launching its kernels and of computing them; collectives come on top.");
  flash.gated_mlp = true;
  flash.experts = Experts{.count = 8, .per_token = 2, .ffn_hidden = 512};
  input.model = flash;
  gpu.expert_efficiency = 0.5;
  check_sentence(input, p, "Products of routed experts reach 50 % of the speed of others.");
}

TEST_CASE("a run does not speak of what has no place in it") {
  ModelInput input{round_cluster(3), small_gpt()};
  input.cluster.software.pass_overhead = microseconds(40);
  input.cluster.software.checkpoint_overhead = microseconds(50);
  input.training.unfused_softmax = KernelFactors{.bytes = 3};  // 16 heads on one GPU
  input.training.gathered_logits = true;                       // on one GPU
  const Workload single = make_workload(input, parallel(1, 1), {1, 1, {}});
  const Workload plain = make_workload({round_cluster(3), small_gpt()}, parallel(1, 1), {1, 1, {}});
  for (const std::string& sentence : single.assumptions) {
    CAPTURE(sentence);
    CHECK(sentence.find("which the software spends") == std::string::npos);
    CHECK(sentence.find("fused") == std::string::npos);
    CHECK(sentence.find("gathers") == std::string::npos);
  }
  CHECK(single.assumptions.size() == plain.assumptions.size());
}

TEST_CASE("collectives that run beside computing take the rest of their time, and the run says so") {
  Parallelism p = parallel(8, 3);
  ModelInput input{round_cluster(3), small_gpt()};
  const auto run = [&] { return make_workload(input, p, {3, 3, {}}); };
  const StageCosts whole = run().stages.at(1);
  input.training.overlap_tensor = 0.25;
  const StageCosts part = run().stages.at(1);
  // Forward computes for longer than a quarter of its four all-reduces.
  REQUIRE(whole.duration(OpKind::Forward) - whole.ops[OpKind::Forward].tensor_comm >
          whole.ops[OpKind::Forward].tensor_comm / 4);
  CHECK(std::abs((whole.ops[OpKind::Forward].tensor_comm * 3 / 4 - part.ops[OpKind::Forward].tensor_comm)
                     .count()) <= 1);
  CHECK(std::abs((whole.duration(OpKind::Forward) - part.duration(OpKind::Forward) -
                  whole.ops[OpKind::Forward].tensor_comm / 4)
                     .count()) <= 2);
  const auto sentences = run().assumptions;
  CHECK(std::any_of(sentences.begin(), sentences.end(), [](const std::string& sentence) {
    return sentence.starts_with("Tensor parallelism") &&
           sentence.find("of which 25 % run beside computing, as long as that lasts") != std::string::npos;
  }));
}

TEST_CASE("what layer costs do not show is refused with them") {
  LayerCosts costs;
  costs.layers.resize(3, {Flops(1e12), Flops(2e12), Bytes(10), Bytes(10), 5});
  const auto where = [&](auto change) {
    ModelInput input{round_cluster(3), costs};
    change(input.training);
    return where_of([&] { return make_workload(input, parallel(1, 3), {3, 3, {}}); });
  };
  CHECK(where([](Training&) {}) == "no error");
  CHECK(where([](Training& t) { t.gathered_logits = true; }) == "/training/gathered_logits");
  CHECK(where([](Training& t) { t.kernels[0].bytes = 2; }) == "/training/kernels");
  CHECK(where([](Training& t) { t.unfused_softmax = KernelFactors{}; }) == "/training/kernels");
  CHECK(where([](Training& t) { t.attention_work = 2; }) == "/training/kernels");
  CHECK(where([](Training& t) { t.captured_launches = 1; }) == "/training/captured_launches");
  CHECK(where([](Training& t) { t.overlap_sharding = true; }) == "/training/overlap_sharding");
  CHECK(where([](Training& t) { t.overlap_tensor = 0.5; }) == "/training/overlap_tensor");
  CHECK(where([](Training& t) { t.overlap_expert = 0.5; }) == "/training/overlap_expert");
}

}  // namespace
}  // namespace ppsim::overheads_test
