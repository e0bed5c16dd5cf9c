// Recomputation by itself, for schedules that run R as an op of its own.
#include <doctest/doctest.h>

#include <string>

#include "model/presets.hpp"
#include "ppsim/core/error.hpp"
#include "support.hpp"

namespace ppsim::recompute_ahead_test {
namespace {

using std::chrono::microseconds;

Workload costs_of(const CostsInput& costs, bool ahead, std::uint32_t stages = 2) {
  return make_workload(costs, {.ranks = stages, .stages = stages, .recompute_ahead = ahead}, 2);
}

CostsInput given_costs() {
  CostsInput costs;
  costs.forward = {microseconds(10)};
  costs.backward = {microseconds(20)};
  costs.recompute = {microseconds(8)};
  return costs;
}

Workload run(const Model& model, const Parallelism& p, bool ahead, const Training& training = {},
             const Cluster& cluster = round_cluster(3)) {
  return make_workload(ModelInput{cluster, model, training}, p,
                       {.ranks = p.pipeline, .stages = p.pipeline, .recompute_ahead = ahead});
}

Parallelism recomputing(Recompute recompute, std::uint32_t tensor = 8) {
  Parallelism p = parallel(tensor, 3);
  p.recompute = recompute;
  return p;
}

void check_sum(const OpCost& sum, const OpCost& a, const OpCost& b) {
  CHECK(sum.duration == a.duration + b.duration);
  CHECK(sum.tensor_comm == a.tensor_comm + b.tensor_comm);
  CHECK(sum.other_comm == a.other_comm + b.other_comm);
  for (std::size_t kind = 0; kind < kGroupKinds; ++kind)
    CHECK(sum.bytes[kind].inside == doctest::Approx(a.bytes[kind].inside + b.bytes[kind].inside));
}

TEST_CASE("a recomputation that is given is part of B and I, or R by itself") {
  const StageCosts inside = costs_of(given_costs(), false).stages[0];
  CHECK(inside.duration(OpKind::Backward) == microseconds(28));
  CHECK(inside.duration(OpKind::InputGrad) == microseconds(18));
  CHECK(inside.duration(OpKind::WeightGrad) == microseconds(10));
  CHECK(inside.duration(OpKind::Recompute) == Time(0));
  const StageCosts ahead = costs_of(given_costs(), true).stages[0];
  CHECK(ahead.duration(OpKind::Backward) == microseconds(20));
  CHECK(ahead.duration(OpKind::InputGrad) == microseconds(10));
  CHECK(ahead.duration(OpKind::WeightGrad) == microseconds(10));
  CHECK(ahead.duration(OpKind::Recompute) == microseconds(8));
}

TEST_CASE("R scales with the number of stages, and has the overhead of every op on top") {
  CostsInput costs = given_costs();
  costs.overhead = microseconds(1);
  CHECK(costs_of(costs, true, 4).stages[3].duration(OpKind::Recompute) == microseconds(8 / 2 + 1));
  CHECK(costs_of(costs, false, 4).stages[3].duration(OpKind::Backward) == microseconds(28 / 2 + 1));
  costs.recompute = {microseconds(0), microseconds(3)};  // one that takes time is enough
  CHECK_FALSE(costs.uniform());
  CHECK(costs_of(costs, true).stages[1].duration(OpKind::Recompute) == microseconds(3 + 1));
}

TEST_CASE("R without any recomputation is refused where the option stands") {
  CostsInput costs = given_costs();
  for (const PerStage<Time>& none : {PerStage<Time>{}, PerStage<Time>{Time(0)}}) {
    costs.recompute = none;
    CHECK(where_of([&] { return costs_of(costs, true); }) == "/schedule/recompute_ahead");
    CHECK(costs_of(costs, false).stages.size() == 2);
  }
  CHECK(where_of([] { return run(small_gpt(), recomputing(Recompute::None), true); }) ==
        "/schedule/recompute_ahead");
  costs.recompute = {Time(1), Time(1), Time(1)};
  CHECK(where_of([&] { return costs_of(costs, false); }) == "/costs/recompute");
}

TEST_CASE("a model's R and B together are its backward with recomputation, to the nanosecond") {
  Training launched;  // kernels so quick that the host's launches bound some passes
  launched.overlap_tensor = 0.5;
  Cluster slow_host = round_cluster(3);
  slow_host.software.launch_overhead = microseconds(30);
  slow_host.software.pass_overhead = microseconds(7);
  slow_host.software.checkpoint_overhead = microseconds(5);
  for (const Recompute recompute : {Recompute::Selective, Recompute::Full}) {
    for (const Cluster& cluster : {round_cluster(3), slow_host}) {
      for (const Training& training : {Training{}, launched}) {
        const Parallelism p = recomputing(recompute);
        const Workload inside = run(small_gpt(), p, false, training, cluster);
        const Workload ahead = run(small_gpt(), p, true, training, cluster);
        for (std::size_t s = 0; s < 3; ++s) {
          const auto &whole = inside.stages[s].ops, &parts = ahead.stages[s].ops;
          check_sum(whole[OpKind::Backward], parts[OpKind::Recompute], parts[OpKind::Backward]);
          check_sum(whole[OpKind::InputGrad], parts[OpKind::Recompute], parts[OpKind::InputGrad]);
          CHECK(whole[OpKind::Forward].duration == parts[OpKind::Forward].duration);
          CHECK(whole[OpKind::WeightGrad].duration == parts[OpKind::WeightGrad].duration);
          CHECK(whole[OpKind::Recompute].duration == Time(0));
          CHECK(parts[OpKind::Recompute].duration > Time(0));
        }
      }
    }
  }
}

// Without launches and overheads a layer's recomputation is its forward again: all of it, its two all-reduces
// too. The middle stage has layers alone.
TEST_CASE("full recomputation takes as long as the forward of the layers, selective as the attention core") {
  const StageCosts full = run(small_gpt(), recomputing(Recompute::Full), true).stages[1];
  CHECK(std::abs((full.duration(OpKind::Recompute) - full.duration(OpKind::Forward)).count()) <= 1);
  CHECK(std::abs((full.ops[OpKind::Recompute].tensor_comm - full.ops[OpKind::Forward].tensor_comm).count()) <=
        1);
  const StageCosts bare = run(small_gpt(), recomputing(Recompute::None), false).stages[1];
  CHECK(std::abs((full.duration(OpKind::Backward) - bare.duration(OpKind::Backward)).count()) <= 1);
  const StageCosts selective = run(small_gpt(), recomputing(Recompute::Selective), true).stages[1];
  CHECK(selective.ops[OpKind::Recompute].tensor_comm == Time(0));
  CHECK(std::abs((selective.duration(OpKind::Backward) - bare.duration(OpKind::Backward)).count()) <= 1);
}

// Korthikanti et al. 2022: a layer keeps s b h (34 + 5 a s / h) bytes, and 2 s b h where all of it is
// recomputed; 5 a s / h is the attention core. Here s b h = 512 x 1024, 5 a s / h = 40, two layers a stage.
TEST_CASE("R keeps what all layers of a stage make again, and the backward works beside that") {
  constexpr std::int64_t sbh = 512 * 1024;
  Training training;
  training.working_memory = true;
  const auto stage = [&](Recompute recompute, bool ahead) {
    return run(small_gpt(), recomputing(recompute, 1), ahead, training).stages[1];
  };
  const StageCosts full = stage(Recompute::Full, true);
  CHECK(full.activation == Bytes(2 * 2 * sbh));
  CHECK(full.recomputed == Bytes(2 * (34 + 40 - 2) * sbh));
  CHECK(stage(Recompute::Selective, true).recomputed == Bytes(2 * 40 * sbh));
  const StageCosts inside = stage(Recompute::Full, false);
  CHECK(inside.activation == full.activation);
  CHECK(inside.recomputed == Bytes(0));
  CHECK(inside.working - full.working == Bytes((34 + 40 - 2) * sbh));  // one layer at a time, in the backward
}

TEST_CASE("layers that are given by their costs recompute their forward and keep their activations in R") {
  LayerCosts model;
  model.layers.assign(3, {.forward = Flops(50e9),
                          .backward = Flops(100e9),
                          .activation = Bytes(1000),
                          .output = Bytes(100),
                          .parameters = 10});
  const Parallelism p = recomputing(Recompute::Full, 1);
  const StageCosts inside = run(model, p, false).stages[1], ahead = run(model, p, true).stages[1];
  CHECK(ahead.duration(OpKind::Recompute) == std::chrono::milliseconds(1));  // 50 GFLOP at 50 TFLOP/s
  CHECK(ahead.duration(OpKind::Backward) == std::chrono::milliseconds(2));
  CHECK(inside.duration(OpKind::Backward) == std::chrono::milliseconds(3));
  CHECK(ahead.activation == Bytes(100));
  CHECK(ahead.recomputed == Bytes(1000));
}

}  // namespace
}  // namespace ppsim::recompute_ahead_test
