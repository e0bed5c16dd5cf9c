// What runs once a step: behind the program, or bucket by bucket beside the last backwards.
#include <doctest/doctest.h>

#include <algorithm>

#include "cases.hpp"
#include "ppsim/engine/simulate.hpp"
#include "ppsim/schedule/registry.hpp"
#include "ppsim/schedule/text/text.hpp"

namespace ppsim::step_end_test {
namespace {

// F 10, B 20; 12 of reduction in 3 buckets, an optimizer step of 5.
Workload one_stage(bool overlaps) {
  CostsInput costs;
  costs.forward = {Time(10)};
  costs.backward = {Time(20)};
  costs.transfer = {Bytes(0)};
  costs.activation = {Bytes(1)};
  costs.link = {BytesPerSecond(1), Time(0)};
  Workload workload = make_workload(costs, {.ranks = 1, .stages = 1}, 1);
  workload.stages[0].ops[OpKind::GradientReduction].duration = Time(12);
  workload.stages[0].gradient_buckets = 3;
  workload.stages[0].ops[OpKind::OptimizerStep].duration = Time(5);
  workload.overlap_gradients = overlaps;
  return workload;
}

std::vector<Time> starts(const OpGraph& graph) {
  return simulate(graph, Contention("none")).start;
}

TEST_CASE("a reduction behind the program is one action, however many buckets it comes in") {
  // F 0-10, B 10-30, reduction 30-42, optimizer 42-47.
  const OpGraph graph =
      build_graph(make_schedule("1f1b", {1, 1, 1}), one_stage(false), Communication::Overlap);
  CHECK(starts(graph) == std::vector<Time>{Time(0), Time(10), Time(30), Time(42)});
  CHECK(graph.side_begin()[0] == 4);
}

TEST_CASE("buckets are reduced when their share of the last backward has run, and the optimizer waits") {
  // B 10-30: a third of it, rounded up, at 17, two at 24, all at 30. Buckets 17-21, 24-28, 30-34; optimizer
  // 34-39. In the program: F, B, optimizer; beside it the buckets.
  const OpGraph graph =
      build_graph(make_schedule("1f1b", {1, 1, 1}), one_stage(true), Communication::Overlap);
  CHECK(graph.side_begin()[0] == 3);
  CHECK(starts(graph) == std::vector<Time>{Time(0), Time(10), Time(34), Time(17), Time(24), Time(30)});
  CHECK(longest_path(graph) == Time(39));
  for (const Contention contention : all_contentions())
    CHECK(simulate(graph, contention) == simulate(graph, Contention("none")));
}

TEST_CASE("buckets of one rank wait for one another, the stage that ends first going first") {
  // Two chunks on one rank, one micro-batch: F0 F1 B1 B0, each half as long: 5 5 10 10. Stage 1's buckets
  // (as its third of B1, 10-20, is done: 14, 17, 20) last 10 each: 14-24, 24-34, 34-44. Stage 0's (B0 20-30)
  // follow: 44-48, 48-52, 52-56; then both optimizers.
  Workload workload = one_stage(true);
  workload.stages.push_back(workload.stages[0]);
  for (StageCosts& stage : workload.stages) {
    stage.ops[OpKind::Forward].duration = Time(5);
    stage.ops[OpKind::Backward].duration = Time(10);
  }
  workload.stages[1].ops[OpKind::GradientReduction].duration = Time(30);
  const OpGraph graph =
      build_graph(parse_csv("0F0,1F0,1B0,0B0\n", "two chunks").schedule, workload, Communication::Overlap);
  CHECK(graph.describe(4) == "rank 0: OPTIMIZER of stage 0");
  CHECK(graph.describe(6) == "rank 0: REDUCE_GRAD of stage 1");
  CHECK(graph.describe(9) == "rank 0: REDUCE_GRAD of stage 0");
  CHECK(starts(graph) == std::vector<Time>{Time(0), Time(5), Time(10), Time(20), Time(56), Time(61), Time(14),
                                           Time(24), Time(34), Time(44), Time(48), Time(52)});
  CHECK(longest_path(graph) == Time(66));
}

TEST_CASE("where a step follows, what comes next in the program waits for the buckets of the one before") {
  // pipedream-2bw, two steps of one micro-batch on one rank: F B optimizer, twice. Buckets of the first step
  // 17-21, 24-28, 30-34, its optimizer 34-39, then the second F 39-49, B 49-69.
  Workload workload = one_stage(true);
  const ScheduleInfo& info = find_schedule("pipedream-2bw");
  const Schedule schedule = make_schedule(
      info, ScheduleRequest{{1, 1, 1}, complete_options(info, {{"steps", std::int64_t{2}}}), &workload});
  const OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
  const std::vector<Time> begin = starts(graph);
  CHECK(begin == std::vector<Time>{Time(0), Time(10), Time(34), Time(39), Time(49), Time(73), Time(17),
                                   Time(24), Time(30), Time(56), Time(63), Time(69)});
  // Without an optimizer the next forward waits.
  workload.stages[0].ops[OpKind::OptimizerStep].duration = Time(0);
  CHECK(starts(build_graph(schedule, workload, Communication::Overlap))[2] == Time(34));
}

TEST_CASE("parameters are gathered behind the optimizer step that changed them") {
  Workload workload = one_stage(false);
  workload.stages[0].ops[OpKind::ParameterGather].duration = Time(7);
  const OpGraph graph = build_graph(make_schedule("1f1b", {1, 1, 1}), workload, Communication::Overlap);
  CHECK(graph.describe(4) == "rank 0: UNSHARD of stage 0");
  CHECK(starts(graph)[4] == Time(47));
  CHECK(longest_path(graph) == Time(54));
}

TEST_CASE("parts of a duration round up, and are exact beyond what a product fits 64 bits for") {
  CHECK(PartEdge{0, 1, 3}.of(Time(20)) == Time(7));
  CHECK(PartEdge{0, 2, 3}.of(Time(20)) == Time(14));
  CHECK(PartEdge{0, 2, 3}.of(Time(21)) == Time(14));
  CHECK(PartEdge{0, 99'998, 99'999}.of(kMostTime) < kMostTime);
  CHECK(PartEdge{0, 1, 2}.of(kMostTime) == kMostTime / 2);
}

}  // namespace
}  // namespace ppsim::step_end_test
