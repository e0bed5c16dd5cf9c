#include "ppsim/explore/run/runs.hpp"

#include <doctest/doctest.h>

#include "input/scratch.hpp"
#include "support.hpp"

namespace ppsim::runs_test {
namespace {

using test::Scratch;

// F 1 ms, B 2 ms, 50 + 5 us a hop, P 8, M 64.
Config config_with(const std::string& simulation, const std::string& schedule = R"({"name": "1f1b"})") {
  const Scratch scratch;
  return load_config(scratch.put("c.json", R"({
    "costs": {"forward": "1 ms", "backward": "2 ms", "transfer": "2.5 MB",
              "link": {"bandwidth": "50 GB/s", "latency": "5 us"}},
    "parallelism": {"pipeline": 8, "micro_batches": 64},
    "schedule": )" + schedule + R"(, "simulation": )" +
                                               simulation + "}"));
}

Run run_of(const Config& config) {
  return run(config);
}

RunsReport runs_of(const Config& config, std::uint32_t count, unsigned threads) {
  return run_many(config, run_of(config), count, threads);
}

constexpr const char* kJitter =
    R"({"seed": 5, "noise": {"jitter": {"compute": {"sigma": 0.1}, "transfers": {"sigma": 0.3}}}})";

TEST_CASE("many runs come to the same figures on any number of threads") {
  for (const Contention contention : all_contentions()) {
    CAPTURE(contention.name());
    Config config = config_with(kJitter);
    config.simulation.contention = contention;
    const RunsReport one = runs_of(config, 100, 1);
    CHECK(one.count == 100);
    CHECK(one.step_time.min < one.step_time.max);
    for (const unsigned threads : {2U, 3U, 16U, 200U}) CHECK(runs_of(config, 100, threads) == one);
  }
}

TEST_CASE("without jitter every run is the deterministic one, to the bit") {
  for (const char* simulation :
       {R"({})", R"({"noise": {"jitter": {"compute": {"sigma": 0}, "transfers": {"sigma": 0}}}})",
        R"({"noise": {"gpu_speed": {"rank 3": 0.7}, "link_degradation": {"rank 0 -> rank 1": 0.3}}})",
        R"({"communication": "blocking", "contention": "fifo"})",
        R"({"communication": "program", "contention": "fair"})"}) {
    CAPTURE(simulation);
    const Config config = config_with(simulation);
    const Run run = run_of(config);
    const Time step = run.report.step_time();
    const double bubble = run.report.bubble_fraction;
    const RunsReport runs = run_many(config, run, 20, 3);
    CHECK(runs.step_time == Summary<Time>{step, step, step, step, step, step});
    CHECK(runs.bubble_fraction == Summary<double>{bubble, bubble, bubble, bubble, bubble, bubble});
  }
}

TEST_CASE("factors and sigmas that change nothing leave the run as it is") {
  const Report plain = run_of(config_with("{}")).report;
  const Run same = run_of(config_with(
      R"({"noise": {"gpu_speed": {"rank 3": 1}, "link_degradation": {"rank 0 -> rank 1": 1},
                    "jitter": {"compute": {"sigma": 0}}}})"));
  CHECK(same.timeline == run_of(config_with("{}")).timeline);
  CHECK(same.report.assumptions == plain.assumptions);
}

TEST_CASE("jitter whose mean is 1 makes a step longer, since a rank waits for the latest of its inputs") {
  const Config config = config_with(kJitter);
  const Run run = run_of(config);
  CHECK(run.report.step_time() == Time(219'820'000));  // of the run without jitter
  CHECK(run.report.assumptions.back() == "Jitter is not in these figures: --runs draws it.");
  const RunsReport runs = run_many(config, run, 100, 2);
  CHECK(runs.step_time.mean > run.report.step_time());
  CHECK(runs.step_time.min <= runs.step_time.p50);
  CHECK(runs.step_time.p50 <= runs.step_time.p95);
  CHECK(runs.step_time.p95 <= runs.step_time.p99);
  CHECK(runs.step_time.p99 <= runs.step_time.max);
}

TEST_CASE("samples scale a run: all at 2 it takes twice as long, transfers' latency apart") {
  const Scratch scratch;
  const std::string file = scratch.put("s.csv", "# made up\nfactor\r\n2\n\n2.0\n");
  const Config config = config_with(R"({"noise": {"jitter": {"compute": {"samples": ")" + file +
                                    R"("}, "transfers": {"samples": ")" + file + R"("}}}})");
  // 2 x 213 ms, and 124 hops of 2 x 50 + 5 us (the closed form of 1F1B).
  CHECK(runs_of(config, 3, 1).step_time.mean == Time(426'000'000 + 124 * 105'000));
}

TEST_CASE("another seed, and another run, draw other times") {
  const Config config = config_with(kJitter);
  Config other = config;
  other.simulation.seed = 6;
  CHECK_FALSE(runs_of(config, 50, 1) == runs_of(other, 50, 1));
  CHECK_FALSE(runs_of(config, 50, 1).step_time.max == runs_of(config, 1, 1).step_time.max);
}

TEST_CASE("times out of hand are an error of the jitter, the first run's on any number of threads") {
  const Scratch scratch;
  const std::string file = scratch.put("s.csv", "factor\n1000\n");
  const std::string path = scratch.put("c.json", R"({
    "costs": {"forward": "300000000 s", "backward": "1 s"},
    "parallelism": {"pipeline": 2, "micro_batches": 4}, "schedule": {"name": "1f1b"},
    "simulation": {"noise": {"jitter": {"forward": {"samples": ")" +
                                                     file + R"("}}}}})");
  const Config config = load_config(path);
  for (const unsigned threads : {1U, 4U, 16U}) {
    CHECK(test::error_of([&] { return runs_of(config, 64, threads); }) ==
          path +
              "#/simulation/noise/jitter: in run 0 all durations together pass 2^62 ns (146 years): expected "
              "less jitter or shorter ops");
  }
}

}  // namespace
}  // namespace ppsim::runs_test
