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

}  // namespace

// Tensor-parallel collectives inside an op. Those of a backward all belong to its input half: the gradient
// of a column-parallel matrix's input is reduced (or scattered) over the tensor group, the gradient of its
// weights is not (Korthikanti et al. 2022, figure 5). So I has what B has, and W none.
Time tensor_comm(const Schedule& schedule, const Workload& workload, Op op) {
  const StageCosts& costs = workload.stages[index(op.stage)];
  switch (op.kind) {
    case OpKind::Forward: {
      const bool token_step = schedule.is_token_step(op.micro_batch);
      return token_step ? costs.decode_tensor_comm : costs.forward_tensor_comm;
    }
    case OpKind::Backward:
    case OpKind::InputGrad:
      return costs.backward_tensor_comm;
    case OpKind::Recompute:
      return costs.forward_tensor_comm;
    case OpKind::WeightGrad:
    case OpKind::GradientReduction:
    case OpKind::ParameterGather:
    case OpKind::OptimizerStep:
    case OpKind::Evict:
    case OpKind::Load:
      return {};
  }
  return {};
}

Time tensor_comm(const Schedule& schedule, const Workload& workload, Op op, const RankSpeed& speed) {
  return scaled(tensor_comm(schedule, workload, op), 1 / speed.tensor_comm);
}

Time other_comm(const Schedule& schedule, const Workload& workload, Op op) {
  const StageCosts& costs = workload.stages[index(op.stage)];
  switch (op.kind) {
    case OpKind::Forward:
      return schedule.is_token_step(op.micro_batch) ? costs.decode_other_comm : costs.forward_other_comm;
    case OpKind::Recompute:
      return costs.forward_other_comm;
    case OpKind::Backward:
      return costs.input_grad_other_comm + costs.weight_grad_other_comm;
    case OpKind::InputGrad:
      return costs.input_grad_other_comm;
    case OpKind::WeightGrad:
      return costs.weight_grad_other_comm;
    case OpKind::GradientReduction:
    case OpKind::ParameterGather:
    case OpKind::OptimizerStep:
    case OpKind::Evict:
    case OpKind::Load:
      return {};
  }
  return {};
}

CollectiveBytes collective_bytes(const Schedule& schedule, const Workload& workload, Op op) {
  const StageCosts& costs = workload.stages[index(op.stage)];
  CollectiveBytes bytes{};
  switch (op.kind) {
    case OpKind::Forward:
      return schedule.is_token_step(op.micro_batch) ? costs.ports.decode : costs.ports.forward;
    case OpKind::Recompute:
      return costs.ports.forward;
    case OpKind::InputGrad:
      return costs.ports.input_grad;
    case OpKind::WeightGrad:
      return costs.ports.weight_grad;
    case OpKind::Backward:
      bytes = costs.ports.input_grad;
      for (std::size_t kind = 0; kind < kGroupKinds; ++kind) bytes[kind] += costs.ports.weight_grad[kind];
      return bytes;
    case OpKind::GradientReduction:
      bytes = costs.ports.gradient_reduction;
      for (PortBytes& kind : bytes)
        kind = 1.0 / (workload.overlap_gradients ? costs.gradient_buckets : 1) * kind;
      return bytes;
    case OpKind::ParameterGather:
      return costs.ports.parameter_gather;
    case OpKind::OptimizerStep:
    case OpKind::Evict:
    case OpKind::Load:
      break;
  }
  return bytes;
}

Time duration_at(const Schedule& schedule, const Workload& workload, Op op, Time duration,
                 const RankSpeed& speed) {
  if (op.kind == OpKind::GradientReduction || op.kind == OpKind::ParameterGather)
    return scaled(duration, 1 / speed.gradient_reduction);
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
