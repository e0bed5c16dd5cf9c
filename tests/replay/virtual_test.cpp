// Virtual clocks against the engine, which knows all ranks: equal to the nanosecond.
#include <doctest/doctest.h>

#include <rapidcheck.h>

#include <set>
#include <string>

#include "cases.hpp"
#include "ppsim/engine/simulate.hpp"
#include "replay/runs.hpp"
#include "replay/tcp_jobs.hpp"
#include "schedule/requests.hpp"

namespace ppsim::test::virtual_test {
namespace {

constexpr UniformCosts kCosts{
    .forward = Time(3), .backward = Time(5), .input_grad = Time(3), .weight_grad = Time(2), .hop = Time(1)};

struct Semantics {
  Communication communication;
  ProgramStreams streams{};
};
constexpr Semantics kAll[] = {{Communication::Overlap},
                              {Communication::Blocking},
                              {Communication::Program, {CommStreams::Rank, false}},
                              {Communication::Program, {CommStreams::Rank, true}},
                              {Communication::Program, {CommStreams::Pair, false}},
                              {Communication::Program, {CommStreams::Pair, true}}};

// False where the order deadlocks under these semantics, which is found before a replay.
bool is_exact(const Schedule& schedule, const Workload& workload, Semantics semantics) {
  const OpGraph graph = graph_for(schedule, workload, semantics.communication, semantics.streams);
  if (!find_cycle(graph).empty()) return false;
  const ReplayResult result = replay_in_process(graph);
  CHECK(result.steps.size() == 1);
  CHECK(result.steps.front() == simulate(graph, Contention("none")));
  return true;
}

// With the first M from P on that the schedule takes.
std::optional<Schedule> fitting_schedule(const ScheduleInfo& info, const OptionValues& options, Shape shape) {
  for (shape.micro_batches = shape.ranks; shape.micro_batches <= 4 * shape.ranks; ++shape.micro_batches) {
    const Workload costs = uniform_workload(shape, kCosts);
    const ScheduleRequest request{shape, options, &costs};
    if (!why_not(info, request)) return make_schedule(info, request);
  }
  return std::nullopt;
}

TEST_CASE(
    "every schedule's virtual replay is the engine's timeline, under every semantics of communication") {
  std::mt19937 random(1);
  for (const ScheduleInfo* info : all_schedules()) {
    std::size_t exact = 0;
    for (const OptionValues& options : option_variants(*info)) {
      for (const std::uint32_t V : chunk_counts(*info, options)) {
        for (const std::uint32_t P : {4U, 8U}) {
          const auto schedule = fitting_schedule(*info, options, {P, 0, V});
          if (!schedule) continue;
          CAPTURE(describe(*info, {{P, schedule->micro_batches, V}, options}));
          const Workload workload = uneven_workload(*schedule, random);
          // All semantics of a schedule's first variant, one of each other.
          if (exact == 0 || (P == 8 && exact < std::size(kAll) + 1)) {
            for (const Semantics semantics : kAll) exact += is_exact(*schedule, workload, semantics) ? 1 : 0;
          } else {
            exact += is_exact(*schedule, workload, kAll[random() % std::size(kAll)]) ? 1 : 0;
          }
        }
      }
    }
    CAPTURE(info->name);
    CHECK(exact >= 4);
  }
}

TEST_CASE("ranks that are connected by TCP come to the engine's timeline") {
  for (const char* name : {"1f1b", "zb-h1", "dualpipe"}) {
    const OpGraph graph = graph_of(make_schedule(name, {4, 8, 1}), uniform_costs(10, 20, 5, 1));
    ReplayResult result;
    const std::string lines = run_tcp_threads(launch(4), [&](Job& job) {
      Group group(job.transport(), kPatience);
      ReplayResult own = replay(graph, group, {});
      if (group.is_first()) result = std::move(own);
    });
    CHECK(lines == "\n\n\n\n");
    REQUIRE(result.steps.size() == 1);
    CHECK(result.steps.front() == simulate(graph, Contention("none")));
  }
}

TEST_CASE("random schedules on random costs, ties included") {
  CHECK(rc::check([] {
    const Schedule schedule = random_schedule();
    const Workload workload = workload_of(random_costs(schedule.stages()), schedule);
    for (const Semantics semantics : kAll) {
      const OpGraph graph = graph_for(schedule, workload, semantics.communication, semantics.streams);
      if (!find_cycle(graph).empty()) continue;
      const ReplayResult result = replay_in_process(graph);
      RC_ASSERT(result.steps.front() == simulate(graph, Contention("none")));
    }
  }));
}

TEST_CASE("the reference case takes 219,820,000 ns, in each of several steps") {
  const OpGraph graph = graph_of(make_schedule("1f1b", {8, 64, 1}), reference_costs());
  const ReplayResult result = replay_in_process(graph, {ReplayMode::Virtual, 3, 2});
  REQUIRE(result.steps.size() == 3);
  for (const Timeline& step : result.steps) CHECK(makespan(step) == Time(219'820'000));
}

}  // namespace
}  // namespace ppsim::test::virtual_test
