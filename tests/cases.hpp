/// Runs that tests of several layers build: schedules of the registry on costs given outright, and random
/// ones.
#pragma once

#include <rapidcheck.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "ppsim/schedule/registry.hpp"

namespace ppsim {

/// F and B of every stage in ns; a hop takes `latency` + `bytes` ns (1 GB/s is a byte a nanosecond).
inline CostsInput uniform_costs(std::int64_t forward, std::int64_t backward, std::int64_t bytes = 0,
                                std::int64_t latency = 0) {
  CostsInput costs;
  costs.forward = {Time(forward)};
  costs.backward = {Time(backward)};
  costs.transfer = {Bytes(bytes)};
  costs.activation = {Bytes(1000)};
  costs.link = {BytesPerSecond(1'000'000'000), Time(latency)};
  return costs;
}

/// The reference case: 1 ms, 2 ms, 2.5 MB over 50 GB/s + 5 us.
inline CostsInput reference_costs() {
  CostsInput costs = uniform_costs(1'000'000, 2'000'000, 2'500'000);
  costs.link = {BytesPerSecond(50'000'000'000), Time(5'000)};
  return costs;
}

inline Schedule make_schedule(std::string_view name, Shape shape, const OptionValues& options = {}) {
  const ScheduleInfo& info = find_schedule(name);
  return make_schedule(info, {shape, complete_options(info, options), nullptr});
}

inline Workload workload_of(const CostsInput& costs, const Schedule& schedule) {
  RunShape shape{schedule.ranks(), schedule.stages(), {}};
  if (schedule.forward_only) shape.decode_steps = schedule.micro_batches / schedule.requests - 1;
  return make_workload(costs, shape, schedule.stages());
}

inline OpGraph graph_of(const Schedule& schedule, const CostsInput& costs,
                        Communication communication = Communication::Overlap) {
  return build_graph(schedule, workload_of(costs, schedule), communication);
}

inline Time makespan(const Timeline& timeline) {
  return timeline.finish.empty() ? Time{} : *std::max_element(timeline.finish.begin(), timeline.finish.end());
}

/// A legal schedule that no generator would make: stages on random ranks, whole and split backwards mixed,
/// each rank's ops in the order of one random walk through all dependencies (so it cannot deadlock).
inline Schedule random_schedule() {
  const auto ranks = *rc::gen::inRange<std::uint32_t>(1, 5);
  const auto stages = *rc::gen::inRange<std::uint32_t>(ranks, 9);
  const auto M = *rc::gen::inRange<std::uint32_t>(1, 6);
  Placement placement{ranks, {std::vector<Rank>(stages)}};
  for (std::uint32_t s = 0; s < stages; ++s) {
    placement.route[0][s] = Rank{s < ranks ? s : *rc::gen::inRange<std::uint32_t>(0, ranks)};
  }
  std::vector<Op> pending;
  std::vector<std::vector<Op>> programs(ranks);
  for (std::uint32_t m = 0; m < M; ++m) pending.push_back({OpKind::Forward, false, Stage{0}, MicroBatch{m}});
  while (!pending.empty()) {
    const auto pick = *rc::gen::inRange<std::size_t>(0, pending.size());
    const Op op = pending[pick];
    pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(pick));
    programs[index(placement.rank_of(op.stage))].push_back(op);
    const auto follow = [&](OpKind kind, std::size_t stage) {
      pending.push_back({kind, false, static_cast<Stage>(stage), op.micro_batch});
    };
    const auto backward = [&](std::size_t stage) {
      follow(*rc::gen::arbitrary<bool>() ? OpKind::Backward : OpKind::InputGrad, stage);
    };
    const std::size_t s = index(op.stage);
    if (op.kind == OpKind::Forward) s + 1 < stages ? follow(OpKind::Forward, s + 1) : backward(s);
    if (needs_gradient(op.kind) && s > 0) backward(s - 1);
    if (op.kind == OpKind::InputGrad) follow(OpKind::WeightGrad, s);
  }
  ScheduleWriter out("random", placement, M, 3 * std::size_t{stages} * M);
  for (const auto& program : programs) {
    for (const Op op : program) out.push(op);
    out.next_rank();
  }
  return std::move(out).take();
}

/// Costs for a random schedule's stages, zeros and equal times included (ties).
inline CostsInput random_costs(std::uint32_t stages) {
  const auto durations = [&] {
    std::vector<Time> list;
    for (std::uint32_t s = 0; s < stages; ++s) list.emplace_back(*rc::gen::inRange<std::int64_t>(0, 30));
    return list;
  };
  CostsInput costs =
      uniform_costs(0, 0, *rc::gen::inRange<std::int64_t>(0, 20), *rc::gen::inRange<std::int64_t>(0, 10));
  costs.forward = durations();
  costs.backward.clear();
  costs.input_grad = durations();
  costs.weight_grad = durations();
  return costs;
}

}  // namespace ppsim
