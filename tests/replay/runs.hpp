/// Replays with ranks as threads of the test.
#pragma once

#include <random>
#include <utility>

#include "ppsim/core/error.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "ppsim/schedule/lowering.hpp"
#include "ppsim/schedule/schedule.hpp"
#include "replay/in_process.hpp"
#include "replay/replay.hpp"

namespace ppsim::test {

inline constexpr Time kSecond{1'000'000'000};

/// What rank 0 gets.
inline ReplayResult replay_in_process(const OpGraph& graph, const ReplayOptions& options = {},
                                      Time patience = 20 * kSecond) {
  ReplayResult result;
  run_in_process(graph.rank_count(), [&](Transport& transport) {
    Group group(transport, patience);
    ReplayResult own = replay(graph, group, options);
    if (transport.rank() == Rank{0}) result = std::move(own);
  });
  return result;
}

/// The graph of a schedule under any semantics; sends and receives are added where they are part of it.
inline OpGraph graph_for(const Schedule& schedule, const Workload& workload, Communication communication,
                         ProgramStreams streams = {}) {
  const bool add = communication == Communication::Program && !has_sends_or_receives(schedule);
  return build_graph(add ? add_sends_and_receives(schedule) : schedule, workload, communication, streams);
}

/// Stages and hops of every length, zeros included, and gradient reductions.
inline Workload uneven_workload(const Schedule& schedule, std::mt19937& random) {
  const auto up_to = [&](std::int64_t most) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most + 1));
  };
  CostsInput costs;
  costs.link = {BytesPerSecond(1'000'000'000), Time(up_to(400))};
  for (std::uint32_t s = 0; s < schedule.stages(); ++s) {
    costs.forward.emplace_back(up_to(2000));
    costs.input_grad.emplace_back(up_to(2000));
    costs.weight_grad.emplace_back(up_to(2000));
    costs.transfer.emplace_back(up_to(3000));
    costs.activation.emplace_back(up_to(3000));
  }
  RunShape shape{schedule.ranks(), schedule.stages(), {}};
  if (schedule.forward_only) shape.decode_steps = schedule.micro_batches / schedule.requests - 1;
  Workload workload = make_workload(costs, shape, schedule.stages());
  for (StageCosts& stage : workload.stages) {
    stage.ops[OpKind::GradientReduction].duration = Time(up_to(1) * up_to(900));
    stage.ops[OpKind::Recompute].duration = Time(up_to(2000));
  }
  return workload;
}

}  // namespace ppsim::test
