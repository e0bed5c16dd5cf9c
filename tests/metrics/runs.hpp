/// Small runs, from costs to a timeline, for the tests of this layer.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/engine/simulate.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/metrics/bubbles.hpp"
#include "ppsim/metrics/memory.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "ppsim/schedule/registry.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim::test {

/// F = 10 ns, B = 20 ns (I 10, W 10), free transfers, 6 bytes of activation.
[[nodiscard]] inline CostsInput free_transfers() {
  CostsInput costs;
  costs.forward = {Time(10)};
  costs.backward = {Time(20)};
  costs.transfer = {Bytes(0)};
  costs.activation = {Bytes(6)};
  costs.link = {BytesPerSecond(1'000'000'000), Time(0)};
  return costs;
}

/// The same with hops of 5 ns: 2 ns latency and 3 bytes at 1 byte a ns.
[[nodiscard]] inline CostsInput hops() {
  CostsInput costs = free_transfers();
  costs.transfer = {Bytes(3)};
  costs.link.latency = Time(2);
  return costs;
}

struct SmallRun {
  Schedule schedule;
  Workload workload;
  OpGraph graph;
  Timeline timeline;

  [[nodiscard]] Bubbles bubbles() const { return measure_bubbles(graph, timeline); }
  [[nodiscard]] std::vector<RankMemory> memory() const {
    return measure_memory(graph, timeline, schedule, workload);
  }
  /// The rank's `position`-th action.
  [[nodiscard]] VertexId vertex(std::size_t rank, std::uint32_t position) const {
    return graph.rank_begin()[rank] + position;
  }
  /// The transfer from one action to another.
  [[nodiscard]] EdgeId transfer(VertexId from, VertexId to) const {
    EdgeId edge = graph.edge_arrays().out_begin[from];
    while (graph.edge_arrays().targets[edge] != to || !is_transfer(graph.edge_arrays().classes[edge])) ++edge;
    return edge;
  }
};

[[nodiscard]] inline SmallRun run_schedule(Schedule schedule, Workload workload,
                                           Communication communication = Communication::Overlap,
                                           Contention contention = Contention("none")) {
  OpGraph graph = build_graph(schedule, workload, communication);
  Timeline timeline = simulate(graph, contention);
  return {std::move(schedule), std::move(workload), std::move(graph), std::move(timeline)};
}

[[nodiscard]] inline Schedule registered(std::string_view name, Shape shape, const OptionValues& options = {},
                                         const Workload* workload = nullptr) {
  const ScheduleInfo& info = find_schedule(name);
  return make_schedule(info, {shape, complete_options(info, options), workload});
}

[[nodiscard]] inline SmallRun run_registered(std::string_view name, Shape shape, const CostsInput& costs,
                                             Communication communication = Communication::Overlap,
                                             Contention contention = Contention("none")) {
  const std::uint32_t stages = shape.ranks * shape.chunks;
  return run_schedule(registered(name, shape), make_workload(costs, {shape.ranks, stages, {}}, stages),
                      communication, contention);
}

/// Causes as a test writes them: what is left out is zero.
struct Causes {
  int warmup = 0, cooldown = 0, dependency = 0, contention = 0, latency = 0, bandwidth = 0, blocked = 0,
      tail = 0;

  [[nodiscard]] std::array<Time, kIdleCauses> times() const {
    return {Time(warmup),  Time(cooldown),  Time(dependency), Time(contention),
            Time(latency), Time(bandwidth), Time(blocked),    Time(tail)};
  }
};

}  // namespace ppsim::test
