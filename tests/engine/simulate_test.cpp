#include "ppsim/engine/simulate.hpp"

#include <doctest/doctest.h>

#include <rapidcheck.h>

#include "cases.hpp"
#include "engine/link_model.hpp"
#include "ppsim/schedule/text/text.hpp"

namespace ppsim::simulate_test {

namespace {

Time run(std::string_view name, Shape shape, const CostsInput& costs) {
  return makespan(simulate(graph_of(make_schedule(name, shape), costs), Contention("none")));
}

Timeline by_events(const OpGraph& graph) {
  return run_events(graph, *Contention("none").info().make(graph));
}

std::vector<Time> times(const std::vector<std::int64_t>& nanoseconds) {
  return {nanoseconds.begin(), nanoseconds.end()};
}

// What the DeadlockError of a run names; empty where the run ends.
std::vector<std::string> cycle_of(const OpGraph& graph, Contention contention) {
  try {
    (void)simulate(graph, contention);
  } catch (const DeadlockError& error) {
    return error.cycle();
  }
  return {};
}

}  // namespace

TEST_CASE("the reference cases come out to the nanosecond") {
  // 1F1B, P | M: (M + P - 1)(F + B) + c [2 (P-1) M / P + 2 (P-2)], c = 55 us; four other simulators agree on
  // these.
  CHECK(run("1f1b", {8, 64, 1}, reference_costs()) == Time(219'820'000));
  CHECK(run("1f1b", {32, 512, 1}, reference_costs()) == Time(1'686'860'000));
  CHECK(run("1f1b", {64, 4096, 1}, reference_costs()) == Time(12'927'340'000));
}

TEST_CASE("with free transfers and equal stages every makespan is the closed form") {
  const std::int64_t F = 3, B = 7;
  for (std::uint32_t P = 1; P <= 12; ++P) {
    for (std::uint32_t M = 1; M <= 24; ++M) {
      CAPTURE(P);
      CAPTURE(M);
      CHECK(run("naive", {P, M, 1}, uniform_costs(F, B)) == Time(M * P * (F + B)));
      CHECK(run("gpipe", {P, M, 1}, uniform_costs(F, B)) == Time((M + P - 1) * (F + B)));
      CHECK(run("1f1b", {P, M, 1}, uniform_costs(F, B)) == Time((M + P - 1) * (F + B)));
    }
  }
}

TEST_CASE("interleaved on V chunks takes M V + P - 1 slots for every M >= P that it divides into rounds") {
  const std::int64_t F = 3, B = 7;
  const ScheduleInfo& info = find_schedule("interleaved");
  int runs = 0;
  for (std::uint32_t P = 1; P <= 12; ++P) {
    for (std::uint32_t M = P; M <= 24; ++M) {
      for (std::uint32_t V = 1; V <= 4; ++V) {
        if (info.why_not({{P, M, V}, complete_options(info, {}), nullptr})) continue;
        CAPTURE(P);
        CAPTURE(M);
        CAPTURE(V);
        CHECK(run("interleaved", {P, M, V}, uniform_costs(F, B)) == Time((M * V + P - 1) * (F + B)));
        ++runs;
      }
    }
  }
  CHECK(runs > 600);
}

TEST_CASE("both engines and an independent longest path agree on random schedules and costs") {
  CHECK(rc::check("overlap, no contention", [] {
    const Schedule schedule = random_schedule();
    const OpGraph graph = graph_of(schedule, random_costs(schedule.stages()));
    const Timeline timeline = simulate(graph, Contention("none"));
    RC_ASSERT(makespan(timeline) == longest_path(graph));
    RC_ASSERT(timeline == by_events(graph));
    RC_ASSERT(timeline == simulate(graph, Contention("none")));
  }));
}

TEST_CASE("an action starts when the one before it has finished and its inputs are there, and not later") {
  CHECK(rc::check("overlap and fifo", [] {
    const Schedule schedule = random_schedule();
    const OpGraph graph = graph_of(schedule, random_costs(schedule.stages()));
    const Timeline timeline = simulate(graph, *rc::gen::element(Contention("none"), Contention("fifo")));
    for (VertexId v = 0; v < graph.vertex_count(); ++v) {
      Time ready{};
      for (EdgeId in = graph.edge_arrays().in_begin[v]; in < graph.edge_arrays().in_begin[v + 1]; ++in) {
        const EdgeId edge = graph.edge_arrays().in_edges[in];
        const bool moved = is_transfer(graph.edge_arrays().classes[edge]);
        ready = std::max(ready, moved ? timeline.transfer_finish[edge]
                                      : timeline.finish[graph.edge_arrays().in_sources[in]]);
      }
      RC_ASSERT(timeline.start[v] == ready);
      RC_ASSERT(timeline.finish[v] == timeline.start[v] + graph.durations()[v]);
    }
  }));
}

TEST_CASE("both engines agree where sends block and links are not shared") {
  CHECK(rc::check("blocking, no contention", [] {
    const Schedule schedule = random_schedule();
    const CostsInput costs = random_costs(schedule.stages());
    const OpGraph graph = graph_of(schedule, costs, Communication::Blocking);
    const Timeline timeline = simulate(graph, Contention("none"));
    RC_ASSERT(timeline == by_events(graph));
    const OpGraph overlapped = graph_of(schedule, costs);
    RC_ASSERT(makespan(timeline) >= makespan(simulate(overlapped, Contention("none"))));
  }));
}

TEST_CASE("inference takes its closed form: prefill, then token steps around the ring") {
  // (M+P-1)F + (P-1)c + T max(M F, P(F+c))
  for (std::int64_t P = 1; P <= 6; ++P) {
    for (std::int64_t M = 1; M <= 8; ++M) {
      for (std::int64_t T = 0; T <= 4; ++T) {
        const std::int64_t F = 10, c = P > 1 ? 7 : 0;
        const Schedule schedule =
            make_schedule("inference", {static_cast<std::uint32_t>(P), static_cast<std::uint32_t>(M), 1},
                          {{"decode_steps", T}});
        CHECK(makespan(simulate(graph_of(schedule, uniform_costs(F, 0, 4, 3)), Contention("none"))) ==
              Time((M + P - 1) * F + (P - 1) * c + T * std::max(M * F, P * (F + c))));
      }
    }
  }
}

TEST_CASE("a pair starts when the inputs of both are there, and sends for both when it ends") {
  // The V of DualPipeV on two ranks: rank 0 holds stages 0 and 3, rank 1 stages 1 and 2. F 10, B 20, a pair
  // 25; a hop is 3 ns of link and 2 of latency. Rank 0: 0F0 0..10, 3F0 40..50, and the pair 50..75 feeds both
  // halves of rank 1's pair.
  const Schedule schedule = parse_csv(
                                "0F0,3F0,(0F1;3B0)OVERLAP_F_B,3F1,3B1,0B0,0B1\n"
                                "1F0,2F0,(1F1;2B0)OVERLAP_F_B,2F1,1B0,2B1,1B1\n",
                                "f.csv")
                                .schedule;
  CostsInput costs = uniform_costs(10, 20, 3, 2);
  costs.pair = Time(25);
  const OpGraph graph = graph_of(schedule, costs);
  // 1F0 15..25, 2F0 25..35; both inputs of the pair arrive at 80: 80..105; 2F1 105..115, 1B0 115..135; 3F1
  // 120..130, 3B1 130..150, 0B0 150..170; 2B1 155..175, 1B1 175..195, 0B1 200..220.
  CHECK(simulate(graph, Contention("none")).start ==
        times({0, 40, 50, 120, 130, 150, 200, 15, 25, 80, 105, 115, 155, 175}));
  // On a fifo link 3B0's gradient moves behind 0F1's boundary, 78..81, and arrives at 83: all that follows is
  // 3 later.
  CHECK(simulate(graph, Contention("fifo")).start ==
        times({0, 40, 50, 123, 133, 153, 203, 15, 25, 83, 108, 118, 158, 178}));
  // Blocking: 2F1 ends at 118 and holds rank 1 until 121, 3B1 ends at 153 and holds rank 0 until 156.
  const OpGraph blocking = graph_of(schedule, costs, Communication::Blocking);
  CHECK(simulate(blocking, Contention("fifo")).start ==
        times({0, 40, 50, 123, 133, 156, 203, 15, 25, 83, 108, 121, 158, 178}));
}

TEST_CASE("blocking: a pair holds its rank until both of its sends have left") {
  // As above up to the pair of rank 0, 50..75; behind it 0F2, which waits for nothing else. A boundary is 3
  // ns, a gradient 7.
  const Schedule schedule = parse_csv(
                                "0F0,3F0,(0F1;3B0)OVERLAP_F_B,0F2,3F1,3B1,0B0,3F2,3B2,0B1,0B2\n"
                                "1F0,2F0,(1F1;2B0)OVERLAP_F_B,2F1,1B0,1F2,2F2,2B1,1B1,2B2,1B2\n",
                                "f.csv")
                                .schedule;
  CostsInput costs = uniform_costs(10, 20, 3, 2);
  costs.pair = Time(25);
  Workload workload = workload_of(costs, schedule);
  for (const auto& [boundary, gradient] : {std::pair{3, 7}, std::pair{7, 3}}) {
    // Neither the first 0F0 nor 2F0 sends more than its boundary: the pair starts 4 ns a hop later where that
    // takes 7.
    const Time pair_end(75 + 2 * (boundary - 3));
    for (StageCosts& stage : workload.stages) {
      stage.forward_transfer = Bytes(boundary);
      stage.backward_transfer = Bytes(gradient);
    }
    const OpGraph graph = build_graph(schedule, workload, Communication::Blocking);
    CHECK(simulate(graph, Contention("none")).start[3] == pair_end + Time(7));
    CHECK(simulate(graph, Contention("fifo")).start[3] == pair_end + Time(10));
  }
}

TEST_CASE("equal input gives an equal timeline") {
  const Schedule schedule = make_schedule("interleaved", {4, 8, 2});
  const CostsInput costs = uniform_costs(3, 5, 7, 2);
  for (const Communication communication : {Communication::Overlap, Communication::Blocking}) {
    for (const Contention contention : {Contention("none"), Contention("fifo")}) {
      CHECK(simulate(graph_of(schedule, costs, communication), contention) ==
            simulate(graph_of(schedule, costs, communication), contention));
    }
  }
}

TEST_CASE("1F1B with the orders of its ranks swapped deadlocks, and every engine names the cycle op by op") {
  // Rank 0 has the last rank's order F0 B0 F1 B1: its B0 waits for rank 1's, which runs behind rank 1's F1,
  // which waits for rank 0's F1, which runs behind that B0.
  const Schedule schedule = parse_csv("0F0,0B0,0F1,0B1\n1F0,1F1,1B0,1B1\n", "f.csv").schedule;
  for (const Communication communication : {Communication::Overlap, Communication::Blocking}) {
    for (const Contention contention : {Contention("none"), Contention("fifo")}) {
      const OpGraph graph = graph_of(schedule, uniform_costs(1, 2), communication);
      CHECK(cycle_of(graph, contention) == std::vector<std::string>{"rank 0: B of stage 0, micro-batch 0",
                                                                    "rank 0: F of stage 0, micro-batch 1",
                                                                    "rank 1: F of stage 1, micro-batch 1",
                                                                    "rank 1: B of stage 1, micro-batch 0"});
    }
  }
}

}  // namespace ppsim::simulate_test
