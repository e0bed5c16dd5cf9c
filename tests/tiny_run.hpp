/// Runs small enough to know every nanosecond of, and random ones.
#pragma once

#include <rapidcheck.h>

#include <string>
#include <utility>
#include <vector>

#include "ppsim/engine/simulate.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/metrics/bubbles.hpp"
#include "ppsim/metrics/memory.hpp"
#include "ppsim/metrics/report.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim::test {

struct TinyRun {
  Schedule schedule;
  Workload workload;
  OpGraph graph;
  Timeline timeline;
  std::vector<RankMemory> memory;
  Report report;
};

inline TinyRun make_run(Schedule schedule, Workload workload,
                        Communication communication = Communication::Overlap,
                        Contention contention = Contention("none")) {
  OpGraph graph = build_graph(schedule, workload, communication);
  Timeline timeline = simulate(graph, contention);
  std::vector<RankMemory> memory = measure_memory(graph, timeline, schedule, workload);
  Report report = make_report(schedule, workload, graph, measure_bubbles(graph, timeline), memory);
  return {std::move(schedule), std::move(workload), std::move(graph),
          std::move(timeline), std::move(memory),   std::move(report)};
}

/// F = 10 us, B = 20 us (I = W = 10 us), a hop of 1 us on the wire and 500 ns of latency, 7 bytes of
/// activation.
inline CostsInput tiny_costs() {
  CostsInput costs;
  costs.forward = {Time(10'000)};
  costs.backward = {Time(20'000)};
  costs.transfer = {Bytes(1000)};
  costs.activation = {Bytes(7)};
  costs.link = Link{BytesPerSecond(1'000'000'000), Time(500)};
  return costs;
}

/// Warm-up of P - 1 - rank forwards, then a forward and a backward in turn.
inline Schedule one_f_one_b(std::uint32_t ranks, std::uint32_t micro_batches) {
  ScheduleWriter writer("1f1b", linear_placement(ranks), micro_batches,
                        std::size_t{2} * ranks * micro_batches);
  for (std::uint32_t rank = 0; rank < ranks; ++rank) {
    const std::uint32_t ahead = std::min(micro_batches, ranks - 1 - rank);
    for (std::uint32_t m = 0; m < micro_batches + ahead; ++m) {
      if (m < micro_batches) writer.forward(rank, m);
      if (m >= ahead) writer.backward(rank, m - ahead);
    }
    writer.next_rank();
  }
  return std::move(writer).take();
}

/// All forwards chunk by chunk, then all backwards; `split` writes I and W for B.
inline Schedule all_forward_first(std::uint32_t ranks, std::uint32_t micro_batches, std::uint32_t chunks,
                                  bool split) {
  ScheduleWriter writer("gpipe", looped_placement(ranks, chunks), micro_batches,
                        std::size_t{3} * ranks * chunks * micro_batches);
  for (std::uint32_t rank = 0; rank < ranks; ++rank) {
    for (std::uint32_t chunk = 0; chunk < chunks; ++chunk) {
      for (std::uint32_t m = 0; m < micro_batches; ++m) writer.forward(chunk * ranks + rank, m);
    }
    for (std::uint32_t chunk = chunks; chunk-- > 0;) {
      for (std::uint32_t m = 0; m < micro_batches; ++m) {
        const std::size_t stage = chunk * ranks + rank;
        if (!split) writer.backward(stage, m);
        if (split) writer.input_grad(stage, m);
        if (split) writer.weight_grad(stage, m);
      }
    }
    writer.next_rank();
  }
  return std::move(writer).take();
}

inline TinyRun make_run(Schedule schedule, const CostsInput& costs) {
  const RunShape shape{schedule.ranks(), schedule.stages(), {}};
  return make_run(std::move(schedule), make_workload(costs, shape, shape.stages));
}

/// A run of any shape, costs, communication and contention: forwards without duration, transfers that
/// overlap, gradient reductions, beside the program or behind it.
inline TinyRun random_run() {
  const auto up_to = [](std::int64_t most) { return *rc::gen::inRange<std::int64_t>(0, most + 1); };
  const auto ranks = static_cast<std::uint32_t>(1 + up_to(3));
  const auto micro_batches = static_cast<std::uint32_t>(1 + up_to(5));
  const auto chunks = static_cast<std::uint32_t>(1 + up_to(2));
  Schedule schedule = up_to(1) == 0 ? one_f_one_b(ranks, micro_batches)
                                    : all_forward_first(ranks, micro_batches, chunks, up_to(1) == 1);
  CostsInput costs;
  for (std::uint32_t stage = 0; stage < schedule.stages(); ++stage) {
    costs.forward.push_back(Time(up_to(2000)));
    costs.backward.push_back(Time(1 + up_to(4000)));  // no activation lives for no time
    costs.transfer.push_back(Bytes(up_to(3000)));
    costs.activation.push_back(Bytes(up_to(100)));
  }
  costs.link = Link{BytesPerSecond(1'000'000'000), Time(up_to(300))};
  const RunShape shape{ranks, schedule.stages(), {}};
  Workload workload = make_workload(costs, shape, shape.stages);
  for (StageCosts& stage : workload.stages) {
    stage.ops[OpKind::GradientReduction].duration = Time(up_to(1) * up_to(500));
    stage.gradient_buckets = static_cast<std::uint32_t>(1 + up_to(3));
  }
  workload.overlap_gradients = up_to(1) == 1;
  return make_run(std::move(schedule), std::move(workload),
                  up_to(1) == 0 ? Communication::Overlap : Communication::Blocking,
                  up_to(1) == 0 ? Contention("none") : Contention("fifo"));
}

}  // namespace ppsim::test
