// One simulator for many runs: as if each had its own, and as if its graph had been built with those times.
#include <doctest/doctest.h>

#include <rapidcheck.h>

#include "cases.hpp"
#include "ppsim/engine/simulate.hpp"
#include "ppsim/schedule/lowering.hpp"

namespace ppsim::simulator_test {

namespace {

constexpr Communication kCommunications[] = {Communication::Overlap, Communication::Blocking,
                                             Communication::Program};

Schedule ready_for(Schedule schedule, Communication communication) {
  return communication == Communication::Program ? add_sends_and_receives(schedule) : schedule;
}

// Costs for each stage of a linear pipeline, drawn: what one F takes all F of the stage take.
CostsInput drawn_costs(std::uint32_t stages, std::int64_t bytes) {
  CostsInput costs = uniform_costs(0, 0, bytes, 3);
  costs.forward.clear();
  costs.backward.clear();
  for (std::uint32_t s = 0; s < stages; ++s) {
    costs.forward.emplace_back(*rc::gen::inRange<std::int64_t>(0, 30));
    costs.backward.emplace_back(*rc::gen::inRange<std::int64_t>(0, 60));
  }
  return costs;
}

struct Times {
  std::vector<Time> durations, transmissions;
};

// What another graph of the same schedule takes, edge by edge.
Times times_of(const OpGraph& graph) {
  Times times{{graph.durations().begin(), graph.durations().end()}, std::vector<Time>(graph.edge_count())};
  for (EdgeId edge = 0; edge < graph.edge_count(); ++edge) {
    const EdgeClass kind = graph.edge_arrays().classes[edge];
    if (is_transfer(kind)) times.transmissions[edge] = graph.transfer_classes()[kind].transmission;
  }
  return times;
}

}  // namespace

TEST_CASE("a run with other times is the run of a graph built with them, whatever ran before") {
  for (const Communication communication : kCommunications) {
    for (const Contention contention : all_contentions()) {
      CHECK(rc::check("times of other graphs", [&] {
        const auto P = *rc::gen::inRange<std::uint32_t>(2, 5);
        const auto M = *rc::gen::inRange<std::uint32_t>(1, 8);
        const Schedule schedule = ready_for(make_schedule("1f1b", {P, M, 1}), communication);
        const OpGraph graph = graph_of(schedule, drawn_costs(P, 20), communication);
        Simulator simulator(graph, contention);
        for (int run = 0; run < 4; ++run) {
          const OpGraph other =
              graph_of(schedule, drawn_costs(P, *rc::gen::inRange<std::int64_t>(1, 60)), communication);
          const Times times = times_of(other);
          RC_ASSERT(simulator.run({times.durations, times.transmissions}) == simulate(other, contention));
        }
        RC_ASSERT(simulator.run() == simulate(graph, contention));
      }));
    }
  }
}

TEST_CASE("transmission times of one transfer move that transfer alone") {
  // F 10, B 20, hops of 8 + 2 over two ranks, one micro-batch: F at 0-10, the hop to 20, F to 30, B to 50,
  // hop to 60, B to 80. With 18 + 2 for the activation everything behind it is 10 later; under any
  // contention.
  const OpGraph graph = graph_of(make_schedule("1f1b", {2, 1, 1}), uniform_costs(10, 20, 8, 2));
  Times times = times_of(graph);
  const auto activation = [&](EdgeId edge) {
    const EdgeClass kind = graph.edge_arrays().classes[edge];
    return is_transfer(kind) && graph.transfer_classes()[kind].from == Rank{0};
  };
  for (EdgeId edge = 0; edge < graph.edge_count(); ++edge)
    if (activation(edge)) times.transmissions[edge] = Time(18);
  for (const Contention contention : all_contentions()) {
    CHECK(makespan(simulate(graph, contention)) == Time(80));
    CHECK(makespan(Simulator(graph, contention).run({{}, times.transmissions})) == Time(90));
  }
}

}  // namespace ppsim::simulator_test
