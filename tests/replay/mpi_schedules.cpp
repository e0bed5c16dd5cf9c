// Every registered schedule, replayed over MPI with virtual clocks, against the engine: `mpirun -n P
// replay_schedules`, a process a rank. Prints "N passed, N failed" on rank 0; the exit code is 1 where
// something failed.
#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include "ppsim/engine/simulate.hpp"
#include "replay/job.hpp"
#include "replay/runs.hpp"
#include "schedule/requests.hpp"

namespace ppsim::test {
namespace {

constexpr UniformCosts kCosts{
    .forward = Time(3), .backward = Time(5), .input_grad = Time(3), .weight_grad = Time(2), .hop = Time(1)};

struct Counts {
  int passed = 0, failed = 0;

  void add(const std::string& what, bool passes) {
    ++(passes ? passed : failed);
    if (!passes) fmt::print("not the engine's timeline: {}\n", what);
  }
};

// Mid-size steps: more micro-batches than ranks, so that all of a schedule's parts occur.
std::optional<ScheduleRequest> fitting_request(const ScheduleInfo& info, const OptionValues& options,
                                               Shape shape) {
  for (shape.micro_batches = shape.ranks + 1; shape.micro_batches <= 4 * shape.ranks; ++shape.micro_batches) {
    const Workload costs = uniform_workload(shape, kCosts);
    if (!why_not(info, {shape, options, &costs})) return ScheduleRequest{shape, options};
  }
  return std::nullopt;
}

void replay_one(const ScheduleInfo& info, ScheduleRequest request, Communication communication, Group& group,
                std::mt19937& random, Counts& counts) {
  const Workload costs = uniform_workload(request.shape, kCosts);
  request.costs = &costs;
  const Schedule schedule = make_schedule(info, request);
  const OpGraph graph = graph_for(schedule, uneven_workload(schedule, random), communication);
  if (!find_cycle(graph).empty()) return;
  const ReplayResult result = replay(graph, group, {});
  if (!group.is_first()) return;
  counts.add(describe(info, request), result.steps.front() == simulate(graph, Contention("none")));
}

Counts replay_all(Group& group) {
  Counts counts;
  std::mt19937 random(1);
  const std::uint32_t P = group.transport().size();
  for (const ScheduleInfo* info : all_schedules()) {
    bool fits = false;
    for (const OptionValues& options : option_variants(*info)) {
      for (const std::uint32_t V : chunk_counts(*info, options)) {
        const auto request = fitting_request(*info, options, {P, 0, V});
        if (!request) continue;
        replay_one(*info, *request, Communication::Overlap, group, random, counts);
        if (fits) continue;  // the other semantics once a schedule; ranks as threads run them all
        fits = true;
        for (const auto communication : {Communication::Blocking, Communication::Program})
          replay_one(*info, *request, communication, group, random, counts);
      }
    }
    if (!fits && group.is_first()) counts.add(info->name + ": no shape fits", false);
  }
  return counts;
}

int main() {
  const volatile std::sig_atomic_t signal = 0;
  const auto job = join_mpi_job({20 * kSecond, &signal, [](const std::string& line) {
                                   fmt::print(stderr, "{}\n", line);
                                   std::_Exit(1);
                                 }});
  try {
    Group group(job->transport(), 20 * kSecond);
    const Counts counts = replay_all(group);
    if (group.is_first()) fmt::print("{} passed, {} failed\n", counts.passed, counts.failed);
    return counts.failed > 0 ? 1 : 0;
  } catch (const std::exception& failure) {
    fmt::print(stderr, "{}\n", failure.what());
    job->abort();
    return 1;
  }
}

}  // namespace
}  // namespace ppsim::test

int main() {
  return ppsim::test::main();
}
