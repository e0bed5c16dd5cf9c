#include "ppsim/metrics/report.hpp"

#include <doctest/doctest.h>

#include "metrics/runs.hpp"

namespace ppsim::test::report_test {
namespace {

Report report_of(const SmallRun& run) {
  return make_report(run.schedule, run.workload, run.graph, run.bubbles(), run.memory());
}

/// 1F1B, P = 2, M = 2, F = 10, B = 20, free transfers: a makespan of 90 ns, 60 busy on each rank.
Workload two_stages() {
  Workload workload = make_workload(free_transfers(), {2, 2, {}}, 2);
  for (std::uint32_t stage = 0; stage < 2; ++stage) {
    StageCosts& costs = workload.stages[stage];
    costs.ops[OpKind::Forward].tensor_comm = Time(2);
    costs.ops[OpKind::Backward].tensor_comm = costs.ops[OpKind::InputGrad].tensor_comm = Time(4);
    costs.weights = Bytes(100);
    costs.gradients = Bytes(200);
    costs.optimizer = Bytes(400 + stage);
    costs.layers = {5 * stage, 5};
  }
  return workload;
}

Report two_stage_report(const Workload& workload) {
  return report_of(run_schedule(registered("1f1b", {2, 2, 1}), workload));
}

TEST_CASE("a report names the run and carries its figures") {
  Workload workload = two_stages();
  workload.gpus = 16;
  workload.assumptions = {"one", "two"};
  const Report report = two_stage_report(workload);
  CHECK(report.schedule == "1f1b");
  CHECK(report.ranks == 2);
  CHECK(report.stages == 2);
  CHECK(report.micro_batches == 2);
  CHECK_FALSE(report.forward_only);
  CHECK(report.decode_steps == 0);
  CHECK(report.makespan == Time(90));
  CHECK(report.max_rank_span == Time(90));
  CHECK(report.bubble_fraction == doctest::Approx(1.0 / 3));
  CHECK(report.bubble_ratio == doctest::Approx(0.5));
  CHECK(report.span_bubble_fraction == doctest::Approx(1.0 / 3));
  CHECK(report.gpus == 16);
  CHECK(report.assumptions == workload.assumptions);
}

TEST_CASE("a rank's report has its stages, their layers, and what it holds") {
  const Report report = two_stage_report(two_stages());
  REQUIRE(report.per_rank.size() == 2);
  const RankReport& rank = report.per_rank[1];
  CHECK(rank.stages == std::vector<Stage>{Stage{1}});
  CHECK(rank.layers == std::vector<LayerRange>{{5, 5}});
  CHECK(rank.bubbles.busy == Time(60));
  CHECK(rank.bubbles.idle == Time(30));
  CHECK(rank.weights == Bytes(100));
  CHECK(rank.gradients == Bytes(200));
  CHECK(rank.optimizer == Bytes(401));
  CHECK(rank.static_bytes() == Bytes(701));
  // 1F1B keeps min(P - r, M): 2 on rank 0 from its F1 at 10 on, 1 on rank 1 from its F0 at 10 on; 6 bytes
  // each.
  CHECK(report.per_rank[0].peak_activation == Bytes(12));
  CHECK(report.per_rank[0].peak_activation_count == 2);
  CHECK(report.per_rank[0].peak_activation_at == Time(10));
  CHECK(rank.peak_activation == Bytes(6));
  CHECK(rank.peak_activation_at == Time(10));
  CHECK(report.per_rank[0].peak_memory == Bytes(700 + 12));
  CHECK(rank.peak_memory == Bytes(701 + 6));
  CHECK(report.peak_memory() == Bytes(712));
}

TEST_CASE("a rank's report tells buffers, the neediest pass and the reserve apart") {
  Workload workload = two_stages();
  workload.stages[1].buffers = Bytes(40);
  workload.stages[1].working = Bytes(53);
  workload.runtime_memory = Bytes(9);
  const RankReport rank = two_stage_report(workload).per_rank[1];
  CHECK(rank.static_bytes() == Bytes(701 + 40));
  CHECK(rank.working == Bytes(53));
  CHECK(rank.reserve() == Bytes(9));
  CHECK(rank.peak_memory == Bytes(701 + 40 + 6 + 53 + 9));
}

TEST_CASE("a model fits where the largest rank fits, and where the capacity is not known") {
  Workload workload = two_stages();
  CHECK(two_stage_report(workload).fits());
  workload.gpu_memory = Bytes(712);
  CHECK(two_stage_report(workload).fits());
  workload.gpu_memory = Bytes(711);
  const Report report = two_stage_report(workload);
  CHECK_FALSE(report.fits());
  CHECK(report.gpu_memory == Bytes(711));
}

// Two F of 2 ns and two B of 4 ns on each rank: 12 of 60.
TEST_CASE("tensor-parallel time adds up over a rank's ops") {
  const Report report = two_stage_report(two_stages());
  for (const RankReport& rank : report.per_rank) CHECK(rank.tensor_comm == Time(12));
  CHECK(report.tensor_comm_fraction == doctest::Approx(0.2));
}

// Two F of 1 ns and two B of 3 + 2 ns: 12 of 60. Of one split micro-batch F 1 + I 3 + W 2.
TEST_CASE("other collectives add up apart from those of the tensor group, I's and W's by themselves") {
  Workload workload = two_stages();
  for (StageCosts& stage : workload.stages) {
    stage.ops[OpKind::Forward].other_comm = Time(1);
    stage.ops[OpKind::InputGrad].other_comm = Time(3);
    stage.ops[OpKind::WeightGrad].other_comm = Time(2);
    stage.ops[OpKind::Backward].other_comm = Time(3 + 2);
  }
  const Report report = two_stage_report(workload);
  for (const RankReport& rank : report.per_rank) {
    CHECK(rank.other_comm == Time(12));
    CHECK(rank.tensor_comm == Time(12));
  }
  CHECK(report.other_comm_fraction == doctest::Approx(0.2));
  ScheduleWriter writer("split", linear_placement(1), 1, 3);
  writer.forward(0, 0);
  writer.input_grad(0, 0);
  writer.weight_grad(0, 0);
  writer.next_rank();
  workload.stages.pop_back();
  CHECK(report_of(run_schedule(std::move(writer).take(), workload)).per_rank[0].other_comm == Time(6));
}

// F 2 + I 4 + W 0.
TEST_CASE("of a split backward the input half has the tensor-parallel time") {
  ScheduleWriter writer("split", linear_placement(1), 1, 3);
  writer.forward(0, 0);
  writer.input_grad(0, 0);
  writer.weight_grad(0, 0);
  writer.next_rank();
  Workload workload = two_stages();
  workload.stages.pop_back();
  CHECK(report_of(run_schedule(std::move(writer).take(), workload)).per_rank[0].tensor_comm == Time(6));
}

TEST_CASE("tokens a second and MFU come from the makespan, where the model knows them") {
  Workload workload = two_stages();
  CHECK_FALSE(two_stage_report(workload).tokens_per_second);
  CHECK_FALSE(two_stage_report(workload).mfu);
  workload.tokens_per_step = 180;
  workload.model_flops_per_step = Flops(4.5e6);
  CHECK_FALSE(two_stage_report(workload).mfu);  // no peak, no MFU
  workload.peak_flops = FlopsPerSecond(1e14);
  const Report report = two_stage_report(workload);
  CHECK(report.tokens_per_second.value() == doctest::Approx(180 / 90e-9));
  CHECK(report.mfu.value() == doctest::Approx(0.5));  // 4.5e6 FLOPs / (90 ns x 1e14 FLOP/s = 9e6)
}

TEST_CASE("a run that takes no time has no rate") {
  CostsInput costs = free_transfers();
  costs.forward = {Time(0)};
  costs.backward = {Time(0)};
  Workload workload = make_workload(costs, {2, 2, {}}, 2);
  workload.tokens_per_step = 180;
  CHECK_FALSE(two_stage_report(workload).tokens_per_second);
}

// 3 requests, 2 token steps: 9 forwards a rank, of which 3 are prefill (2 ns of tensor-parallel time) and 6
// token steps (1 ns each).
TEST_CASE(
    "in inference the micro-batches are the requests, and token steps have their own tensor-parallel time") {
  Workload workload = make_workload(hops(), {2, 2, 2}, 2);
  for (StageCosts& stage : workload.stages) {
    stage.ops[OpKind::Forward].tensor_comm = Time(2);
    stage.decode.tensor_comm = Time(1);
    stage.ops[OpKind::Forward].other_comm = Time(5);
    stage.decode.other_comm = Time(7);
    stage.kv_cache_prefill = Bytes(100);
    stage.kv_cache_step = Bytes(10);
  }
  const Report report = report_of(
      run_schedule(registered("inference", {2, 3, 1}, {{"decode_steps", std::int64_t{2}}}), workload));
  CHECK(report.forward_only);
  CHECK(report.micro_batches == 3);
  CHECK(report.decode_steps == 2);
  CHECK(report.per_rank[0].tensor_comm == Time(3 * 2 + 6 * 1));
  CHECK(report.per_rank[0].other_comm == Time(3 * 5 + 6 * 7));
  CHECK(report.per_rank[0].kv_cache == Bytes(3 * 100 + 6 * 10));
  CHECK(report.per_rank[0].peak_memory == Bytes(360));
}

}  // namespace
}  // namespace ppsim::test::report_test
