// R, recomputation as an op of its own: from the option to order, time, memory, files and fits.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <random>
#include <sstream>

#include "explore/calibrate/calibrate.hpp"
#include "input/scratch.hpp"
#include "metrics/runs.hpp"
#include "output/config/calibrated_config.hpp"
#include "ppsim/explore/order/optimize.hpp"
#include "ppsim/explore/run/check.hpp"
#include "ppsim/explore/run/run.hpp"
#include "ppsim/output/picture/timeline_text.hpp"
#include "ppsim/output/trace/timeline_csv.hpp"
#include "ppsim/schedule/check/check.hpp"
#include "ppsim/schedule/text/text.hpp"
#include "replay/runs.hpp"

namespace ppsim::recompute_ahead_run_test {
namespace {

using test::error_of;
using test::Scratch;
using Overrides = std::vector<Override>;

const OptionValues kAhead = {{"recompute_ahead", std::int64_t{1}}};

// F = 1 us, R = 1 us, B = 2 us, P = 4, M = 8, free hops; `more` stands behind the schedule's name.
std::string config_text(const std::string& more, const std::string& costs = R"("recompute": "1 us", )") {
  return R"({"costs": {"forward": "1 us", "backward": "2 us", )" + costs +
         R"("link": {"bandwidth": "1 GB/s", "latency": "0 ns"}}, "parallelism": {"pipeline": 4, "micro_batches": 8},
             "schedule": {"name": "1f1b")" +
         more + "}}";
}

Run run_of(const Config& config) {
  return run(config);
}

Run run_text(const std::string& text, const Overrides& overrides = {}) {
  const Scratch scratch;
  return run_of(load_config(scratch.put("c.json", text), overrides));
}

// M (F + R + B) + (P - 1)(F + B) = 8 x 4 + 3 x 3 us; with R inside B (M + P - 1)(F + R + B) = 11 x 4 us.
TEST_CASE("R in front of its B takes 41 us where a B that recomputes takes 44") {
  const Run ahead = run_text(config_text(R"(, "recompute_ahead": 1)"));
  CHECK(ahead.report.makespan == std::chrono::microseconds(41));
  CHECK(run_text(config_text("")).report.makespan == std::chrono::microseconds(44));
  CHECK(run_text(config_text(R"(, "recompute_ahead": 0)")).report.makespan == std::chrono::microseconds(44));
  for (const RankReport& rank : ahead.report.per_rank)
    CHECK(rank.bubbles.busy == std::chrono::microseconds(8 * (1 + 1 + 2)));  // R is busy time
}

// The last rank runs F, R and B of each micro-batch one behind the other from (P-1)F on, and (P-1)B later the
// first rank has the last gradient. A longer warm-up changes neither.
TEST_CASE("the closed form of R in front of B holds for every warm-up, whatever takes longest") {
  struct Case {
    std::int64_t forward, recompute, backward;
  };
  for (const Case c :
       {Case{1, 1, 2}, Case{3, 2, 5}, Case{2, 7, 3}, Case{9, 1, 1}, Case{4, 0, 3}, Case{0, 2, 1}}) {
    for (std::uint32_t P = 1; P <= 6; ++P) {
      for (std::uint32_t M = 1; M <= 13; ++M) {
        for (const auto& [per_hop, slack] : {std::pair{1, 0}, {1, 2}, {2, 0}, {3, 1}}) {
          CostsInput costs = test::free_transfers();
          costs.forward = {Time(c.forward)};
          costs.backward = {Time(c.backward)};
          Workload workload = make_workload(costs, {.ranks = P, .stages = P}, P);
          for (StageCosts& stage : workload.stages) stage.ops[OpKind::Recompute].duration = Time(c.recompute);
          OptionValues options = kAhead;
          options["warmup_per_hop"] = std::int64_t{per_hop};
          options["slack"] = std::int64_t{slack};
          const auto run = test::run_schedule(test::registered("1f1b", {P, M, 1}, options), workload);
          const std::int64_t both = c.forward + c.backward;
          CAPTURE(P);
          CAPTURE(M);
          CHECK(run.bubbles().makespan == Time(M * (both + c.recompute) + (P - 1) * both));
        }
      }
    }
  }
}

// F 10, R 5, B 20. r0: F0 0-10, F1 10-20, R0 20-25, B0 45-65, R1 65-70, B1 80-100; r1: F0 10-20, R0 20-25, B0
// 25-45, F1 45-55, R1 55-60, B1 60-80. F keeps 6 bytes, R 4 more, and B frees both.
TEST_CASE("what R makes is held from its start to the end of its B") {
  Workload workload = make_workload(test::free_transfers(), {.ranks = 2, .stages = 2}, 2);
  for (StageCosts& stage : workload.stages) {
    stage.ops[OpKind::Recompute].duration = Time(5);
    stage.recomputed = Bytes(4);
  }
  const auto memory = test::run_schedule(test::registered("1f1b", {2, 2, 1}, kAhead), workload).memory();
  CHECK(memory[0].steps == std::vector<MemoryStep>{{Time(0), Bytes(6), 1},
                                                   {Time(10), Bytes(12), 2},
                                                   {Time(20), Bytes(16), 2},
                                                   {Time(65), Bytes(10), 1},
                                                   {Time(100), Bytes(0), 0}});
  CHECK(memory[1].steps == std::vector<MemoryStep>{{Time(10), Bytes(6), 1},
                                                   {Time(20), Bytes(10), 1},
                                                   {Time(45), Bytes(6), 1},
                                                   {Time(55), Bytes(10), 1},
                                                   {Time(80), Bytes(0), 0}});
}

// F 0-10, R 10-15, I 15-25 frees 2 of 6, W 25-35 the other 4 and the 3 of R.
TEST_CASE("with a split backward what R makes is held until W ends") {
  CostsInput costs = test::free_transfers();
  costs.activation_freed_at_input_grad = {Bytes(2)};
  Workload workload = make_workload(costs, {.ranks = 1, .stages = 1}, 1);
  workload.stages[0].ops[OpKind::Recompute].duration = Time(5);
  workload.stages[0].recomputed = Bytes(3);
  const Schedule split = parse_csv("0F0,0R0,0I0,0W0\n", "f.csv").schedule;
  CHECK(check_order(split).empty());
  CHECK(
      test::run_schedule(split, workload).memory()[0].steps ==
      std::vector<MemoryStep>{
          {Time(0), Bytes(6), 1}, {Time(10), Bytes(9), 1}, {Time(25), Bytes(7), 1}, {Time(35), Bytes(0), 0}});
}

TEST_CASE("cells of R read back, with sends and receives too, and a run of the file is that of the option") {
  const Schedule schedule = test::registered("1f1b", {2, 2, 1}, kAhead);
  CHECK(schedule.recompute_ahead);
  CHECK(to_csv(schedule) == "0F0,0F1,0R0,0B0,0R1,0B1\n1F0,1R0,1B0,1F1,1R1,1B1\n");
  const Schedule read = parse_csv(to_csv(schedule), "f.csv").schedule;
  CHECK(read.recompute_ahead);
  CHECK(read.ops == schedule.ops);
  const Schedule with_sends = add_sends_and_receives(schedule);
  CHECK(with_sends.recompute_ahead);
  CHECK(parse_csv(to_comms_csv(with_sends), "f.csv").schedule.communication == with_sends.communication);
  CHECK(check_communication(with_sends).empty());

  const Scratch scratch;
  const std::string file = scratch.put("f.csv", to_csv(test::registered("1f1b", {4, 8, 1}, kAhead)));
  const std::string text = config_text("");
  const std::string named = R"("name": "1f1b")";
  const std::string by_file = std::string(text).replace(text.find(named), named.size(), R"("file": "f.csv")");
  CHECK(run_of(load_config(scratch.put("c.json", by_file))).report.makespan == std::chrono::microseconds(41));
  const ScheduleCheck check = check_schedule_file(file);  // F 1, I 1, W 1 and R 1 ns: B 2
  CHECK(check.faults.empty());
  REQUIRE(check.report);
  CHECK(check.report->makespan == Time(41));
}

TEST_CASE("R without a recomputation is an error at the option, of costs and of a model") {
  const Scratch scratch;
  const std::string path = scratch.put("c.json", config_text(R"(, "recompute_ahead": 1)", ""));
  CHECK(error_of([&] { return make_plan(load_config(path)); }) ==
        path +
            "#/schedule/recompute_ahead: R is an op of its own, and /costs/recompute is 0 s: expected a "
            "recomputation that takes time, or recompute_ahead 0");
  const Overrides none = {{"/schedule/recompute_ahead", "1"}, {"/parallelism/recompute", "none"}};
  CHECK(error_of([&] {
          return make_plan(load_config("configs/seed_4x8.json", none));
        }).find("/schedule/recompute_ahead: R is an op of its own, and /parallelism/recompute is none") !=
        std::string::npos);
  const std::string two = scratch.put("two.json", config_text(R"(, "recompute_ahead": 2)"));
  CHECK(error_of([&] { return load_config(two); }).find("expected an integer from 0 to 1") !=
        std::string::npos);
}

TEST_CASE("a model's R and B take what its B takes alone, and the step is shorter by the R that wait") {
  for (const char* recompute : {"selective", "full"}) {
    const Overrides inside = {{"/parallelism/recompute", recompute}};
    Overrides ahead = inside;
    ahead.push_back({"/schedule/recompute_ahead", "1"});
    const Run whole = run_of(load_config("configs/seed_4x8.json", inside));
    const Run parts = run_of(load_config("configs/seed_4x8.json", ahead));
    for (std::size_t s = 0; s < whole.plan.workload.stages.size(); ++s) {
      const StageCosts &one = whole.plan.workload.stages[s], &two = parts.plan.workload.stages[s];
      CHECK(two.duration(OpKind::Recompute) > Time(0));
      CHECK(one.duration(OpKind::Backward) ==
            two.duration(OpKind::Recompute) + two.duration(OpKind::Backward));
    }
    for (std::size_t rank = 0; rank < whole.report.per_rank.size(); ++rank)
      CHECK(whole.report.per_rank[rank].bubbles.busy == parts.report.per_rank[rank].bubbles.busy);
    CHECK(parts.report.makespan < whole.report.makespan);
    CHECK(parts.report.peak_memory() > whole.report.peak_memory());  // all layers at once
  }
}

// Lengths of every kind, P and M. The virtual test runs the option with random costs under all semantics.
TEST_CASE("a virtual replay of a schedule with R is the engine's timeline") {
  std::mt19937 random(3);
  for (const std::uint32_t P : {2U, 4U, 7U}) {
    const Schedule schedule = test::registered("1f1b", {P, 2 * P, 1}, kAhead);
    const Workload workload = test::uneven_workload(schedule, random);
    const OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
    CHECK(test::replay_in_process(graph).steps.front() == simulate(graph, Contention("none")));
  }
}

TEST_CASE("timelines and pictures name R") {
  const Run run = run_text(config_text(R"(, "recompute_ahead": 1)"));
  const std::string csv = timeline_csv(run.graph, std::vector<Timeline>{run.timeline});
  CHECK(csv.find(",R,") != std::string::npos);
  CHECK(timeline_text(run.graph, run.timeline, 200, false).find("R recompute") != std::string::npos);
}

// What is measured of R comes back as `recompute`, and the written config takes as long again.
TEST_CASE("calibration learns R as a cost of its own") {
  const Scratch scratch;
  const auto config = [&](const std::string& name, const std::string& recompute) {
    const std::string costs = R"("transfer": "1 kB", "recompute": ")" + recompute + R"(", )";
    return load_config(scratch.put(name, config_text(R"(, "recompute_ahead": 1)", costs)));
  };
  const Config truth = config("truth.json", "1 us"), given = config("given.json", "300 ns");
  const Run run = run_of(truth);
  const std::string file = scratch.put("a.csv", timeline_csv(run.graph, std::vector<Timeline>{run.timeline}));
  const std::vector<MeasuredFile> files = {{file, given}};
  const Calibration calibration = calibrate(files);
  const auto& costs = std::get<CostsInput>(calibration.config.input);
  CHECK(costs.recompute == PerStage<Time>{Time(1000)});
  CHECK(costs.backward == PerStage<Time>{Time(2000)});
  const std::string out = scratch.path("out.json");
  const Config again = load_config(
      scratch.put("out.json", calibrated_config(calibration.config, calibration.report, "a.csv", out)));
  CHECK(run_of(again).report.makespan == run.report.makespan);
}

TEST_CASE("an order with R is not searched for a better one") {
  const Scratch scratch;
  const Config config = load_config(scratch.put("c.json", config_text(R"(, "recompute_ahead": 1)")));
  CHECK(error_of([&] { return optimize(config, {}); }).find("recomputes ahead of its backwards") !=
        std::string::npos);
}

}  // namespace
}  // namespace ppsim::recompute_ahead_run_test
