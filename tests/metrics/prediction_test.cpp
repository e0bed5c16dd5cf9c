// Each expectation is worked out by hand. F = 10, B = 20, free hops; predicted, vertex by vertex:
// r0: F0 0-10, F1 10-20, B0 40-60, B1 70-90
// r1: F0 10-20, B0 20-40, F1 40-50, B1 50-70
#include "metrics/prediction.hpp"

#include <doctest/doctest.h>

#include <utility>

#include "metrics/runs.hpp"

namespace ppsim::test::prediction_test {
namespace {

SmallRun predicted_run() {
  return run_registered("1f1b", {2, 2, 1}, free_transfers());
}

Timeline with_times(Timeline timeline, const std::vector<std::pair<int, int>>& times) {
  for (std::size_t v = 0; v < times.size(); ++v) {
    timeline.start[v] = Time(times[v].first);
    timeline.finish[v] = Time(times[v].second);
  }
  return timeline;
}

/// r1's B0 takes 26 (a: 96 in all), and its B1 too (b: 102); or all is as predicted (c: 90).
std::vector<Timeline> three_steps(const Timeline& predicted) {
  return {
      with_times(predicted, {{0, 10}, {10, 20}, {46, 66}, {76, 96}, {10, 20}, {20, 46}, {46, 56}, {56, 76}}),
      with_times(predicted, {{0, 10}, {10, 20}, {46, 66}, {82, 102}, {10, 20}, {20, 46}, {46, 56}, {56, 82}}),
      predicted};
}

TEST_CASE("an error is relative to what was measured, and there is none where nothing was") {
  CHECK(relative_error(Time(90), Time(100)) == doctest::Approx(-0.1));
  CHECK(relative_error(Time(110), Time(100)) == doctest::Approx(0.1));
  CHECK(relative_error(Time(0), Time(0)) == 0.0);
  CHECK(relative_error(Time(0), Time(5)) == -1.0);
  CHECK_FALSE(relative_error(Time(5), Time(0)));
}

// r1's B in the steps: 26 20, 26 26, 20 20. The 3rd of 6 ascending is 20, the ceil(5.7) = 6th 26. Three of
// six are off by 6 / 26.
TEST_CASE("ops of a kind, stage and rank have their median, their p95 and their mean error") {
  const SmallRun run = predicted_run();
  const PredictionErrors errors = measure_errors(run.graph, run.timeline, three_steps(run.timeline), 0);
  REQUIRE(errors.ops.size() == 4);  // F and B of two stages
  const OpErrors& backward = errors.ops[3];
  CHECK(backward.ops == std::vector<Op>{{OpKind::Backward, false, Stage{1}, MicroBatch{0}}});
  CHECK(backward.rank == Rank{1});
  CHECK(backward.durations.count == 6);
  CHECK(backward.durations.predicted == Time(20));
  CHECK(backward.durations.measured == Time(20));
  CHECK(backward.durations.measured_p95 == Time(26));
  CHECK(*backward.durations.mape == doctest::Approx(3.0 / 26));
  CHECK(*errors.ops[0].durations.mape == 0.0);
  CHECK(*errors.op_mape == doctest::Approx(3 * (6.0 / 26) / 24));  // of 8 ops in 3 steps
}

// |90 / 96 - 1| = 6 / 96, |90 / 102 - 1| = 12 / 102, 0
TEST_CASE("the mean error of the steps is that of their makespans") {
  const SmallRun run = predicted_run();
  const PredictionErrors errors = measure_errors(run.graph, run.timeline, three_steps(run.timeline), 0);
  CHECK(*errors.step_mape == doctest::Approx((6.0 / 96 + 12.0 / 102) / 3));
}

// The gap before r0's B0 is 26, 26, 20 instead of 20, that before its B1 10, 16, 10 as predicted; behind r1's
// last op there are always 20.
TEST_CASE("a gap's measured length is its median over the steps") {
  const SmallRun run = predicted_run();
  const PredictionErrors errors = measure_errors(run.graph, run.timeline, three_steps(run.timeline), 0);
  REQUIRE(errors.gaps.size() == 10);
  CHECK(errors.gaps[2].gap == Gap{Rank{0}, 2, Time(20), IdleCause::Warmup});
  CHECK(errors.gaps[2].measured == Time(26));
  CHECK(errors.gaps[3].measured == Time(10));
  CHECK(errors.gaps[9].measured == Time(20));
}

// The medians of r1's B0 and of the gap before r0's B0 are 6 off, and nothing else is.
TEST_CASE("the worst are ops and gaps by the nanoseconds they are off, those that are not left out") {
  const SmallRun run = predicted_run();
  const PredictionErrors errors = measure_errors(run.graph, run.timeline, three_steps(run.timeline), 0);
  REQUIRE(errors.worst.size() == 2);
  CHECK(errors.worst[0].is_gap);
  CHECK(errors.worst[0].rank == Rank{0});
  CHECK(errors.worst[0].vertex == 2);
  CHECK(errors.worst[0].predicted == Time(20));
  CHECK(errors.worst[0].measured == Time(26));
  CHECK_FALSE(errors.worst[1].is_gap);
  CHECK(errors.worst[1].vertex == 5);
  CHECK(errors.worst[1].measured == Time(26));
}

TEST_CASE("no more than ten are the worst") {
  const SmallRun run = run_registered("1f1b", {4, 8, 1}, free_transfers());
  Timeline slow = run.timeline;
  for (Time& start : slow.start) start *= 3;
  for (Time& finish : slow.finish) finish *= 3;
  const PredictionErrors errors = measure_errors(run.graph, run.timeline, {{slow}}, 0);
  REQUIRE(errors.worst.size() == kWorst);
  for (std::size_t i = 1; i < kWorst; ++i) {
    const auto off = [&](std::size_t at) {
      return std::chrono::abs(errors.worst[at].predicted - errors.worst[at].measured);
    };
    CHECK(off(i - 1) >= off(i));
  }
}

// A hop of 5 that took 7, both ways and twice.
TEST_CASE("transfers are held against what was measured, class by class") {
  const SmallRun run = run_registered("1f1b", {2, 2, 1}, hops());
  Timeline slow = run.timeline;
  for (EdgeId edge = 0; edge < run.graph.edge_count(); ++edge) {
    if (is_transfer(run.graph.edge_arrays().classes[edge])) slow.transfer_finish[edge] += Time(2);
  }
  const PredictionErrors errors = measure_errors(run.graph, run.timeline, {{slow}}, 0);
  REQUIRE(errors.transfers.size() == 2);
  for (const TransferErrors& row : errors.transfers) {
    CHECK(row.durations.count == 2);
    CHECK(row.durations.predicted == Time(5));
    CHECK(row.durations.measured == Time(7));
    CHECK(*row.durations.mape == doctest::Approx(2.0 / 7));
  }
}

// r1's B: 26 and 21 are 47, 23.5 each, rounded half up.
TEST_CASE("mean durations are those of the class, rounded half up") {
  const SmallRun run = predicted_run();
  const Timeline step = with_times(
      run.timeline, {{0, 10}, {10, 20}, {46, 66}, {77, 97}, {10, 20}, {20, 46}, {46, 56}, {56, 77}});
  CHECK(durations_of(step) ==
        std::vector<Time>{Time(10), Time(10), Time(20), Time(20), Time(10), Time(26), Time(10), Time(21)});
  CHECK(mean_durations_of(run.graph, step) ==
        std::vector<Time>{Time(10), Time(10), Time(20), Time(20), Time(10), Time(24), Time(10), Time(24)});
}

}  // namespace
}  // namespace ppsim::test::prediction_test
