// F = 10 ns, B = 20 ns, free hops, two ranks, two micro-batches:
// r0: F0 0-10, F1 10-20, B0 40-60, B1 70-90
// r1: F0 10-20, B0 20-40, F1 40-50, B1 50-70
#include "explore/run/compare_runs.hpp"

#include <doctest/doctest.h>

#include "input/scratch.hpp"

namespace ppsim::compare_runs_test {
namespace {

Config small_config() {
  const test::Scratch scratch;
  return load_config(scratch.put("c.json", R"({
    "costs": {"forward": "10 ns", "backward": "20 ns", "transfer": "0 B",
              "link": {"bandwidth": "1 GB/s", "latency": "0 ns"}},
    "parallelism": {"pipeline": 2, "micro_batches": 2}, "schedule": {"name": "1f1b"}})"));
}

Run run_of(const Config& config) {
  return run(config);
}

Timeline with_times(Timeline timeline, const std::vector<std::pair<int, int>>& times) {
  for (std::size_t v = 0; v < times.size(); ++v) {
    timeline.start[v] = Time(times[v].first);
    timeline.finish[v] = Time(times[v].second);
  }
  return timeline;
}

// Measured: r1's B take 22, r0's B0 14 and B1 26, and r0 waits 5 more for the gradient of B1:
// r1: F0 10-20, B0 20-42, F1 42-52, B1 52-74
// r0: F0 0-10, F1 10-20, B0 42-56, B1 79-105
// With r0's B at their mean of 20: B0 42-62, B1 74-94. With their own: B0 42-56, B1 74-100.
TEST_CASE("a step's difference is made of mean costs, spread, and what is not modelled") {
  const Config config = small_config();
  Run predicted = run_of(config);
  const Timeline step = with_times(
      predicted.timeline, {{0, 10}, {10, 20}, {42, 56}, {79, 105}, {10, 20}, {20, 42}, {42, 52}, {52, 74}});
  const RunComparison comparison = compare_runs(config, std::move(predicted), {step}, "m.csv");
  const StepBreakdown& breakdown = comparison.prediction.breakdown;
  CHECK(breakdown.predicted == Time(90));
  CHECK(breakdown.mean_costs == Time(94));
  CHECK(breakdown.own_costs == Time(100));
  CHECK(breakdown.measured == Time(105));
  CHECK(*comparison.prediction.step_error() == doctest::Approx(90.0 / 105 - 1));
  CHECK(comparison.measured.report.makespan == Time(105));
  CHECK(comparison.predicted.report.makespan == Time(90));
  CHECK_FALSE(comparison.prediction.spread);
}

TEST_CASE("of several steps the median one is shown, and a simulated step has no error") {
  const Config config = small_config();
  Run predicted = run_of(config);
  Timeline slow = predicted.timeline, slower = predicted.timeline;
  slow.finish[3] += Time(5);
  slower.finish[3] += Time(9);
  const Timeline same = predicted.timeline;
  const RunComparison comparison = compare_runs(config, std::move(predicted), {slower, same, slow}, "m.csv");
  CHECK(comparison.prediction.shown == 2);
  CHECK(comparison.prediction.measured.makespan == Time(95));
  REQUIRE(comparison.prediction.spread);
  CHECK(comparison.prediction.spread->count == 3);
}

TEST_CASE("of every replica by itself, the breakdown simulates every replica") {
  const std::vector<Override> overrides = {{"/parallelism/data", "2"},
                                           {"/cluster/nodes", "8"},
                                           {"/parallelism/micro_batches", "4"},
                                           {"/simulation/detail", "full"},
                                           {"/simulation/contention", "fair"}};
  const Config config = load_config("configs/seed_4x8.json", overrides);
  Run predicted = run_of(config);
  REQUIRE(predicted.simulated().vertex_count() == 2 * predicted.graph.vertex_count());
  const Timeline step = predicted.timeline;
  const StepBreakdown breakdown =
      compare_runs(config, std::move(predicted), {step}, "m.csv").prediction.breakdown;
  CHECK(breakdown.measured == breakdown.predicted);
  CHECK(breakdown.own_costs >= breakdown.predicted);
}

TEST_CASE("durations whose sum no time can hold are refused") {
  const Config config = small_config();
  Run predicted = run_of(config);
  Timeline step = predicted.timeline;
  for (Time& finish : step.finish) finish += kMostTime / 2;
  CHECK_THROWS_WITH_AS((void)compare_runs(config, std::move(predicted), {step}, "m.csv"),
                       "m.csv: the durations of a step's ops together pass 2^61 ns (73 years): expected less",
                       Error);
}

}  // namespace
}  // namespace ppsim::compare_runs_test
