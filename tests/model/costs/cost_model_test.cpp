// FLOPs and times of a transformer's stages, against the closed forms of Narayanan et al. 2021 (eq. 3) and
// Korthikanti et al. 2022 (appendix A). The round GPU reaches 50 TFLOP/s, so that a time is FLOPs / 50e12.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "model/presets.hpp"
#include "ppsim/model/collectives/collectives.hpp"
#include "ppsim/model/costs/workload.hpp"

namespace ppsim::cost_model_test {
namespace {

constexpr double kAchieved = 50e12;

// One rounding to a nanosecond.
void check_time(Time time, double seconds) {
  CHECK(std::abs(static_cast<double>(time.count()) - seconds * 1e9) < 1.0);
}

struct Gpt {
  double b, s, h, v;

  explicit Gpt(const Transformer& model, double samples)
      : b(samples), s(model.sequence_length), h(model.hidden), v(model.vocabulary) {}

  [[nodiscard]] double weights() const { return 24 * b * s * h * h; }  // of a layer's forward, an MLP of 4 h
  [[nodiscard]] double attention_core() const { return 4 * b * s * s * h; }  // of a layer's forward
  [[nodiscard]] double layer() const { return weights() + attention_core(); }
  [[nodiscard]] double head() const { return 2 * b * s * h * v; }
};

TEST_CASE(
    "a GPT layer takes 24 b s h^2 + 4 b s^2 h forward, twice that backward, 24 b s h^2 of it for the "
    "weights") {
  Parallelism p = parallel(1, 3);
  p.micro_batch_size = 4;
  const StageCosts middle = training(round_cluster(1), small_gpt(), p).stages.at(1);
  const Gpt gpt(small_gpt(), 4);
  CHECK(middle.layers == LayerRange{2, 2});
  check_time(middle.duration(OpKind::Forward), 2 * gpt.layer() / kAchieved);
  check_time(middle.duration(OpKind::Backward), 4 * gpt.layer() / kAchieved);
  check_time(middle.duration(OpKind::WeightGrad), 2 * gpt.weights() / kAchieved);
  CHECK(middle.duration(OpKind::InputGrad) + middle.duration(OpKind::WeightGrad) ==
        middle.duration(OpKind::Backward));
  CHECK(middle.ops[OpKind::Forward].tensor_comm == Time(0));
}

TEST_CASE(
    "the head adds 2 b s h v forward and twice that backward on the last stage, the embedding nothing") {
  const Workload workload = training(round_cluster(1), small_gpt(), parallel(1, 3));
  const Gpt gpt(small_gpt(), 1);
  CHECK(workload.stages[0].duration(OpKind::Forward) == workload.stages[1].duration(OpKind::Forward));
  check_time(workload.stages[2].duration(OpKind::Forward), (2 * gpt.layer() + gpt.head()) / kAchieved);
  check_time(workload.stages[2].duration(OpKind::Backward), 2 * (2 * gpt.layer() + gpt.head()) / kAchieved);
  check_time(workload.stages[2].duration(OpKind::WeightGrad), (2 * gpt.weights() + gpt.head()) / kAchieved);
}

TEST_CASE(
    "recomputation adds to the backward: nothing, the attention core, or the whole forward of the layers") {
  const Gpt gpt(small_gpt(), 1);
  const auto last = [](Recompute recompute) {
    Parallelism p = parallel(1, 3);
    p.recompute = recompute;
    return training(round_cluster(1), small_gpt(), p).stages.at(2);
  };
  const StageCosts none = last(Recompute::None);
  const StageCosts selective = last(Recompute::Selective);
  const StageCosts full = last(Recompute::Full);
  check_time(selective.duration(OpKind::Backward) - none.duration(OpKind::Backward),
             2 * gpt.attention_core() / kAchieved);
  check_time(full.duration(OpKind::Backward) - none.duration(OpKind::Backward), 2 * gpt.layer() / kAchieved);
  // It runs before I, so W stays as it is.
  CHECK(selective.duration(OpKind::WeightGrad) == none.duration(OpKind::WeightGrad));
  CHECK(full.duration(OpKind::WeightGrad) == none.duration(OpKind::WeightGrad));
  CHECK(full.duration(OpKind::Forward) == none.duration(OpKind::Forward));
}

TEST_CASE("grouped-query attention narrows K and V, a gated MLP has a third matrix") {
  const Transformer model = llama_70b();
  const double s = model.sequence_length, h = model.hidden, f = model.ffn_hidden;
  const double kv = h / 8;  // 8 KV heads for 64 heads
  const double layer = 2 * s * (h * (h + 2 * kv) + h * h + 3 * h * f) + 4 * s * s * h;
  const StageCosts stage = training(round_cluster(1), model, parallel(1, 4)).stages.at(1);
  check_time(stage.duration(OpKind::Forward), 20 * layer / kAchieved);
}

TEST_CASE("tensor parallelism divides the FLOPs and adds two all-reduces of b s h a layer and pass") {
  Parallelism p = parallel(8, 3);
  p.micro_batch_size = 2;
  const Cluster cluster = round_cluster(3);
  const Gpt gpt(small_gpt(), 2);
  const double all_reduce = all_reduce_time(cluster, {8, 1}, Bytes(2 * 512 * 1024 * 2)).count();
  const Workload workload = training(cluster, small_gpt(), p);
  const StageCosts& middle = workload.stages[1];
  check_time(middle.ops[OpKind::Forward].tensor_comm, 4 * all_reduce);
  check_time(middle.ops[OpKind::Backward].tensor_comm, 4 * all_reduce);
  check_time(middle.duration(OpKind::Forward), 2 * gpt.layer() / 8 / kAchieved + 4 * all_reduce);
  check_time(workload.stages[0].ops[OpKind::Forward].tensor_comm, 5 * all_reduce);   // the embedding's
  check_time(workload.stages[2].ops[OpKind::Backward].tensor_comm, 5 * all_reduce);  // the head's

  p.recompute = Recompute::Full;
  check_time(training(cluster, small_gpt(), p).stages[1].ops[OpKind::Backward].tensor_comm, 8 * all_reduce);
  p.recompute = Recompute::None;
  p.sequence_parallel = true;
  CHECK(training(cluster, small_gpt(), p).stages[1].duration(OpKind::Forward) ==
        middle.duration(OpKind::Forward));
}

TEST_CASE("KV heads are copied where the tensor group has more GPUs than there are heads") {
  Transformer model = small_gpt();
  model.kv_heads = 2;
  const auto weight_grad = [&model](std::uint32_t tensor) {
    return static_cast<double>(training(round_cluster(1), model, parallel(tensor, 1))
                                   .stages[0]
                                   .duration(OpKind::WeightGrad)
                                   .count());
  };
  // Per GPU, in units of 2 b s h^2: Q and projection 2/t, K and V 2 x max(1, 2/t) / 16, MLP 8/t, the head 8/t
  // / 6 a layer.
  const auto expected = [](double t) { return 2 / t + 2 * std::max(1.0, 2 / t) / 16 + 8 / t + 8 / t / 6; };
  CHECK(weight_grad(2) / weight_grad(1) == doctest::Approx(expected(2) / expected(1)));
  CHECK(weight_grad(8) / weight_grad(1) == doctest::Approx(expected(8) / expected(1)));
}

TEST_CASE("every matrix product pays its kernel's overhead: six a layer forward, twelve backward") {
  Cluster cluster = round_cluster(1);
  const StageCosts without = training(cluster, small_gpt(), parallel(1, 3)).stages.at(1);
  cluster.gpu.kernel_overhead = std::chrono::microseconds(10);
  const StageCosts with = training(cluster, small_gpt(), parallel(1, 3)).stages.at(1);
  CHECK(with.duration(OpKind::Forward) - without.duration(OpKind::Forward) ==
        std::chrono::microseconds(2 * 6 * 10));
  CHECK(with.duration(OpKind::Backward) - without.duration(OpKind::Backward) ==
        std::chrono::microseconds(2 * 12 * 10));
  CHECK(with.duration(OpKind::WeightGrad) - without.duration(OpKind::WeightGrad) ==
        std::chrono::microseconds(2 * 4 * 10));
}

TEST_CASE("a product reaches the efficiency of its own size on one GPU") {
  // Scores and context have 2 b s^2 h = 2^29 FLOPs each; the products with weights have 2^30 (projection) and
  // more.
  Cluster cluster = round_cluster(1);
  cluster.gpu.matmul_efficiency.points = {{Flops(0x1p29), 0.25}, {Flops(0x1p30), 0.5}};
  const Gpt gpt(small_gpt(), 1);
  const StageCosts stage = training(cluster, small_gpt(), parallel(1, 3)).stages.at(1);
  check_time(stage.duration(OpKind::Forward), 2 * (gpt.weights() / 50e12 + gpt.attention_core() / 25e12));
}

TEST_CASE("each GPU of a tensor group sends the whole boundary, or its slice with sequence parallelism") {
  Parallelism p = parallel(8, 3);
  p.micro_batch_size = 2;
  const StageCosts whole = training(round_cluster(3), small_gpt(), p).stages.at(1);
  CHECK(whole.forward_transfer == Bytes(2 * 512 * 1024 * 2));
  CHECK(whole.backward_transfer == whole.forward_transfer);
  p.sequence_parallel = true;
  const StageCosts slice = training(round_cluster(3), small_gpt(), p).stages.at(1);
  CHECK(slice.forward_transfer == Bytes(2 * 512 * 1024 * 2 / 8));
}

TEST_CASE("model FLOPs of a step are those of Narayanan et al. without recomputation, over all replicas") {
  Parallelism p = parallel(2, 3, 4);
  p.micro_batch_size = 2;
  p.micro_batches = 5;
  p.recompute = Recompute::Full;
  const Workload workload = training(round_cluster(3), small_gpt(), p);
  // Eq. 3 counts the layers' forward again: 96 B s l h^2 (1 + s/6h + v/16lh). Without that, 72 and v/12lh.
  const double B = 2 * 5 * 4, s = 512, l = 6, h = 1024, v = 8192;
  CHECK(workload.model_flops_per_step->count() ==
        doctest::Approx(72 * B * s * l * h * h * (1 + s / (6 * h) + v / (12 * l * h))).epsilon(1e-12));
  CHECK(*workload.tokens_per_step == 2 * 5 * 4 * 512);
  CHECK(workload.gpus == 24);
  CHECK(*workload.peak_flops == FlopsPerSecond(24 * 100e12));
  CHECK(*workload.gpu_memory == Bytes(80'000'000'000));
}

TEST_CASE("stages of a rank's chunks hold the layers of the even layout, uneven ones those that are listed") {
  Parallelism p = parallel(1, 2);
  const ModelInput input{round_cluster(1), small_gpt()};
  const Workload chunks = make_workload(input, p, {2, 6, {}});
  for (std::uint32_t stage = 0; stage < 6; ++stage)
    CHECK(chunks.stages[stage].layers == LayerRange{stage, 1});
  p.layers_per_stage = {5, 1};
  const Workload uneven = make_workload(input, p, {2, 2, {}});
  CHECK(uneven.stages[1].layers == LayerRange{5, 1});
  const Gpt gpt(small_gpt(), 1);
  check_time(uneven.stages[0].duration(OpKind::Forward), 5 * gpt.layer() / kAchieved);
}

}  // namespace
}  // namespace ppsim::cost_model_test
