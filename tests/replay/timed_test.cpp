// Steps in real time, with ranks as threads. How long things take on a busy machine nobody knows; what cannot
// be is tested.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "cases.hpp"
#include "replay/clocks.hpp"
#include "replay/runs.hpp"

namespace ppsim::test::timed_test {
namespace {

const ReplayOptions kWait{ReplayMode::Wait, 2, 1};

CostsInput costs_in_us(std::int64_t forward, std::int64_t backward, std::int64_t bytes) {
  return uniform_costs(forward * 1000, backward * 1000, bytes);
}

// Whatever an op waits for has ended when it starts.
void check_causality(const OpGraph& graph, const Timeline& step) {
  CHECK(*std::min_element(step.start.begin(), step.start.end()) == Time(0));
  for (VertexId v = 0; v < graph.vertex_count(); ++v) {
    CHECK(step.finish[v] >= step.start[v]);
    for (EdgeId edge = graph.edge_arrays().out_begin[v]; edge < graph.edge_arrays().out_begin[v + 1];
         ++edge) {
      const bool moves = is_transfer(graph.edge_arrays().classes[edge]);
      const Time there = moves ? step.transfer_finish[edge] : step.finish[v];
      CHECK(step.start[graph.edge_arrays().targets[edge]] >= there);
      if (moves) CHECK(step.transfer_start[edge] >= step.finish[v]);
    }
  }
}

TEST_CASE("no wait ends early, and nothing starts before what it needs is there") {
  for (const char* name : {"1f1b", "interleaved", "zbv", "dualpipe", "bpipe", "chimera"}) {
    CAPTURE(name);
    const ScheduleInfo& info = find_schedule(name);
    const std::uint32_t V = info.chunk_rule == ChunkRule::One ? 1 : 2;
    const Schedule schedule = make_schedule(name, {4, 8, V});
    for (const auto communication :
         {Communication::Overlap, Communication::Blocking, Communication::Program}) {
      const Workload workload = workload_of(costs_in_us(300, 600, 5000), schedule);
      const OpGraph graph = graph_for(schedule, workload, communication);
      if (!find_cycle(graph).empty()) continue;
      const OpGraph free =
          graph_of(schedule, costs_in_us(300, 600, 0));  // transfers that take no time: none is faster
      const ReplayResult result = replay_in_process(graph, kWait);
      REQUIRE(result.steps.size() == 2);
      for (const Timeline& step : result.steps) {
        check_causality(graph, step);
        CHECK(makespan(step) >= longest_path(free));
      }
    }
  }
}

TEST_CASE("messages may be empty, and ops without duration") {
  const OpGraph graph = graph_of(make_schedule("gpipe", {3, 4, 1}), uniform_costs(0, 0));
  const ReplayResult result = replay_in_process(graph, kWait);
  for (const Timeline& step : result.steps) check_causality(graph, step);
}

TEST_CASE("it says how it measured") {
  const OpGraph graph = graph_of(make_schedule("1f1b", {2, 2, 1}), costs_in_us(100, 200, 10));
  const ReplayResult result = replay_in_process(graph, kWait);
  REQUIRE(result.notes.size() == 2);
  CHECK(result.notes[0] ==
        "measured: 2 steps behind 1 step to warm up; an op is a wait, a transfer a message of its "
        "size on the network of this run");
  CHECK(result.notes[1].starts_with(
      "clocks: all ranks read the same one; by ping-pong they differ by at most "));
}

TEST_CASE("a step is called by its number, warm-up too") {
  const OpGraph graph = graph_of(make_schedule("1f1b", {2, 2, 1}), uniform_costs(1, 2));
  std::vector<std::uint32_t> steps;
  run_in_process(2, [&](Transport& transport) {
    Group group(transport, 20 * kSecond);
    ReplayOptions options{ReplayMode::Virtual, 3, 2};
    if (group.is_first()) options.on_step = [&](std::uint32_t step) { steps.push_back(step); };
    (void)replay(graph, group, options);
  });
  CHECK(steps == std::vector<std::uint32_t>{0, 1, 2, 3, 4});
}

}  // namespace
}  // namespace ppsim::test::timed_test
