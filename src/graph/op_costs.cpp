#include "graph/op_costs.hpp"

#include <algorithm>
#include <cmath>

namespace ppsim {
namespace {

// A rate of less than 1 B/s would be no rate at all.
BytesPerSecond at_least_one(std::int64_t rate) {
  return BytesPerSecond(std::max<std::int64_t>(rate, 1));
}

// Links that do not have all of their bandwidth. As in Network, the slowest link on the way, shared by its
// flows, gives the route its bandwidth.
void slow_down(Route& route, const Network& network, const LinkFactors& factors) {
  if (factors.empty()) return;
  for (LinkShare& share : route.shares) {
    share.capacity = capacity_left(network, factors, share.link, share.capacity);
    route.bandwidth = std::min(route.bandwidth, share.each());
  }
}

// Of a token step of inference: all but its duration, which grows from step to step.
const OpCost& cost_of(const Schedule& schedule, const Workload& workload, Op op) {
  const StageCosts& costs = workload.stages[index(op.stage)];
  const bool token_step = op.kind == OpKind::Forward && schedule.is_token_step(op.micro_batch);
  return token_step ? costs.decode : costs.ops[op.kind];
}

}  // namespace

Time tensor_comm(const Schedule& schedule, const Workload& workload, Op op) {
  return cost_of(schedule, workload, op).tensor_comm;
}

Time tensor_comm(const Schedule& schedule, const Workload& workload, Op op, const RankSpeed& speed) {
  return scaled(tensor_comm(schedule, workload, op), 1 / speed.tensor_comm);
}

Time other_comm(const Schedule& schedule, const Workload& workload, Op op) {
  return cost_of(schedule, workload, op).other_comm;
}

CollectiveBytes collective_bytes(const Schedule& schedule, const Workload& workload, Op op) {
  CollectiveBytes bytes = cost_of(schedule, workload, op).bytes;
  if (op.kind == OpKind::GradientReduction && workload.overlap_gradients)
    for (PortBytes& kind : bytes) kind = 1.0 / workload.stages[index(op.stage)].gradient_buckets * kind;
  return bytes;
}

Time duration_at(const Schedule& schedule, const Workload& workload, Op op, Time duration,
                 const RankSpeed& speed) {
  if (is_collective(op.kind)) return scaled(duration, 1 / speed.gradient_reduction);
  if (speed.compute == 1 && speed.tensor_comm == 1) return duration;
  const Time comm = tensor_comm(schedule, workload, op);
  return round_to_time(static_cast<double>((duration - comm).count()) / speed.compute +
                       static_cast<double>(comm.count()) / speed.tensor_comm);
}

Time gather_on(const Workload& workload, Rank to, Time gather) {
  if (workload.rank_speeds.empty()) return gather;
  return scaled(gather, 1 / workload.rank_speeds[index(to)].tensor_comm);
}

Route route_between(const Network& network, const LinkFactors& factors, Rank from, Rank to,
                    std::optional<std::uint32_t> replica) {
  Route route = network.route(from, to, replica);
  slow_down(route, network, factors);
  return route;
}

BytesPerSecond capacity_left(const Network& network, const LinkFactors& factors, LinkId link,
                             BytesPerSecond capacity) {
  const auto found = factors.empty() ? factors.end() : factors.find(network.link_name(link));
  if (found == factors.end()) return capacity;
  return at_least_one(std::llround(static_cast<double>(capacity.count()) * found->second));
}

}  // namespace ppsim
