#include "ppsim/metrics/runs.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "ppsim/engine/simulate.hpp"
#include "ppsim/metrics/bubbles.hpp"
#include "schedule/replay.hpp"
#include "schedule/requests.hpp"

namespace ppsim::runs_test {
namespace {

const UniformCosts kCosts{
    .forward = Time(3), .backward = Time(5), .input_grad = Time(3), .weight_grad = Time(2), .hop = Time(1)};

// n runs of 1 .. n us, the fastest last.
RunsReport report_of(std::int64_t n, std::uint32_t steps = 1) {
  std::vector<StepFigures> runs;
  for (std::int64_t i = n; i > 0; --i)
    runs.push_back({Time(1000 * i), static_cast<double>(i) / static_cast<double>(n)});
  return summarize(runs, steps);
}

TEST_CASE("percentiles are by nearest rank: values that occurred") {
  // Of 1 .. 1000 the p-th is 10 p; the mean 500.5.
  CHECK(report_of(1000).step_time == Summary<Time>{Time(500'000), Time(950'000), Time(990'000), Time(500'500),
                                                   Time(1000), Time(1'000'000)});
  CHECK(report_of(1000).bubble_fraction.p95 == 0.95);
  CHECK(report_of(1000).count == 1000);
  // ceil(0.5 x 10) = 5, ceil(0.95 x 10) = ceil(0.99 x 10) = 10.
  CHECK(report_of(10).step_time ==
        Summary<Time>{Time(5000), Time(10'000), Time(10'000), Time(5500), Time(1000), Time(10'000)});
  CHECK(report_of(3).step_time.p50 == Time(2000));
  CHECK(report_of(1).step_time ==
        Summary<Time>{Time(1000), Time(1000), Time(1000), Time(1000), Time(1000), Time(1000)});
}

TEST_CASE("the mean is rounded half up, and that of equal values is theirs") {
  CHECK(summarize(std::vector<StepFigures>{{Time(1), 0}, {Time(2), 0}}, 1).step_time.mean == Time(2));
  CHECK(summarize(std::vector<StepFigures>{{Time(1), 0}, {Time(1), 0}, {Time(2), 0}}, 1).step_time.mean ==
        Time(1));
  const double awkward = 0.1270963515604404;
  CHECK(summarize(std::vector<StepFigures>(1000, {Time(7), awkward}), 1).bubble_fraction.mean == awkward);
}

TEST_CASE("a run of several optimizer steps counts as its share of one") {
  CHECK(report_of(10, 2).step_time.max == Time(5000));
  CHECK(report_of(10, 3).step_time.max == Time(3333));
}

TEST_CASE("a run's figures are those of its report, for every schedule") {
  for_each_request(kCosts, [&](const auto& info, const auto& request) {
    Workload workload = uniform_workload(request.shape, kCosts);
    for (StageCosts& stage : workload.stages) stage.ops[OpKind::GradientReduction].duration = Time(4);
    const Schedule schedule = make_schedule(info, request);
    if (schedule.requests > 0) return;  // its token steps have no costs here
    const OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
    const Timeline timeline = simulate(graph, Contention("none"));
    const Bubbles bubbles = measure_bubbles(graph, timeline);
    if (measure_step(graph, timeline) != StepFigures{bubbles.makespan, bubbles.bubble_fraction()})
      FAIL_CHECK(describe(info, request));
  });
}

}  // namespace
}  // namespace ppsim::runs_test
