#include "metrics/step_samples.hpp"

#include <doctest/doctest.h>

#include "cases.hpp"
#include "ppsim/engine/simulate.hpp"

namespace ppsim::step_samples_test {
namespace {

struct Sampled {
  Schedule schedule;
  Workload workload;
  OpGraph graph;
  Timeline timeline;

  [[nodiscard]] StepSamples take() const { return sample_step(schedule, workload.network, graph, timeline); }
};

Sampled sampled(std::string_view name, const CostsInput& costs, Shape shape,
                Communication communication = Communication::Overlap) {
  Schedule schedule = make_schedule(name, shape);
  Workload workload = workload_of(costs, schedule);
  OpGraph graph = build_graph(schedule, workload, communication);
  Timeline timeline = simulate(graph, Contention("none"));
  return {std::move(schedule), std::move(workload), std::move(graph), std::move(timeline)};
}

TEST_CASE("of a simulated step each op takes what the graph says, without a gap") {
  for (const char* name : {"1f1b", "gpipe", "zb-h1"}) {
    CAPTURE(name);
    const Sampled run = sampled(name, uniform_costs(100, 200, 30, 7), {4, 6, 1});
    const StepSamples step = run.take();
    CHECK(step.ops.size() == run.graph.vertex_count());
    for (const OpSample& op : step.ops) {
      CHECK(op.span == op.modelled);
      CHECK(op.gap == Time(0));
      CHECK(op.stages == 4);
    }
    CHECK(step.makespan == makespan(run.timeline));
    for (const TransferSample& transfer : step.transfers) CHECK(transfer.measured == Time(37));
  }
}

TEST_CASE("what an op waits for beyond its inputs is its gap") {
  Sampled run = sampled("1f1b", uniform_costs(100, 200, 30, 7), {2, 2, 1});
  // Rank 1 begins with F of micro-batch 0, there at 137: put it off by 5.
  const VertexId first = run.graph.rank_begin()[1];
  REQUIRE(run.timeline.start[first] == Time(137));
  run.timeline.start[first] += Time(5);
  const StepSamples step = run.take();
  Time gaps{};
  for (const OpSample& op : step.ops) {
    gaps += op.gap;
    if (op.gap == Time(5)) CHECK(op.total() == Time(100));
  }
  CHECK(gaps == Time(5));
}

TEST_CASE("a send that holds its rank is no gap") {
  const Sampled run = sampled("1f1b", uniform_costs(100, 200, 30, 7), {2, 3, 1}, Communication::Blocking);
  for (const OpSample& op : run.take().ops) CHECK(op.gap == Time(0));
}

TEST_CASE("a transfer is awaited where the receiver runs nothing between departure and arrival") {
  // GPipe on two ranks, F 100, B 200, a hop of 37: rank 0 sends at 100, 200, 300; rank 1 runs from 137 to
  // 237, 237 to 337, 337 to 437. So only the first is awaited on the way there. Back they leave at 637, 837,
  // 1037; rank 0 has been idle since 300 and runs from 674 to 874 and on, each before the next arrives (874,
  // 1074).
  const StepSamples step = sampled("gpipe", uniform_costs(100, 200, 30, 7), {2, 3, 1}).take();
  REQUIRE(step.transfers.size() == 6);
  int awaited = 0;
  for (const TransferSample& transfer : step.transfers) {
    CHECK(transfer.alone);
    awaited += transfer.is_honest() ? 1 : 0;
  }
  CHECK(awaited == 2);
}

TEST_CASE("transfers that meet on a link are not alone") {
  // A forward of 10 and a hop of 60 on the wire: each leaves before the one in front of it has arrived.
  const StepSamples step = sampled("gpipe", uniform_costs(10, 200, 60, 0), {2, 3, 1}).take();
  int alone = 0;
  for (const TransferSample& transfer : step.transfers) alone += transfer.alone ? 1 : 0;
  CHECK(alone == 3);  // those of the backwards, 200 apart
}

TEST_CASE("what runs once a step is one sample of its stage") {
  CostsInput costs = uniform_costs(100, 200, 30, 7);
  costs.gradient_reduction = {Time(50)};
  costs.optimizer_step = {Time(20)};
  Schedule schedule = make_schedule("1f1b", {2, 2, 1});
  Workload workload = workload_of(costs, schedule);
  for (StageCosts& stage : workload.stages) stage.gradient_buckets = 5;
  OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
  Timeline timeline = simulate(graph, Contention("none"));
  const StepSamples step = sample_step(schedule, workload.network, graph, timeline);
  int reductions = 0, optimizers = 0;
  for (const OpSample& op : step.ops) {
    if (op.kind == CostKind::GradientReduction) {
      ++reductions;
      CHECK(op.span == Time(50));
      CHECK(op.modelled == Time(50));
    }
    if (op.kind == CostKind::OptimizerStep) {
      ++optimizers;
      CHECK(op.span == Time(20));
    }
  }
  CHECK(reductions == 2);
  CHECK(optimizers == 2);
}

TEST_CASE("pairs and token steps have costs of their own") {
  const StepSamples pairs = sampled("dualpipe", uniform_costs(100, 200, 0, 0), {4, 12, 1}).take();
  CHECK(std::any_of(pairs.ops.begin(), pairs.ops.end(),
                    [](const OpSample& op) { return op.kind == CostKind::Pair; }));
  const StepSamples tokens = sampled("inference", uniform_costs(100, 200, 0, 0), {2, 2, 1}).take();
  CHECK(std::any_of(tokens.ops.begin(), tokens.ops.end(),
                    [](const OpSample& op) { return op.kind == CostKind::TokenStep; }));
}

}  // namespace
}  // namespace ppsim::step_samples_test
