#include "graph/transfer_table.hpp"

#include <algorithm>

#include "graph/op_costs.hpp"

namespace ppsim {
TransferTable::TransferTable(const Schedule& schedule, const Workload& workload, const LinkSharing& links)
    : link_factors_(workload.link_factors), links_(links) {
  const Placement& placement = schedule.placement;
  const bool token_loop = schedule.requests > 0;
  const std::size_t stages = placement.stages();
  for (const std::vector<Rank>& route : placement.route) {
    std::vector<EdgeClass> forward(stages, kDataEdge), backward(stages, kDataEdge), decode(stages, kDataEdge);
    for (std::size_t stage = 0; stage < stages; ++stage) {
      const StageCosts& costs = workload.stages[stage];
      const std::size_t next = (stage + 1) % stages;
      if (stage + 1 < stages)
        forward[stage] = add(workload.network, route[stage], route[next], costs.forward_transfer,
                             gather_on(workload, route[next], costs.forward_gather));
      if (stage > 0)
        backward[stage] = add(workload.network, route[stage], route[stage - 1], costs.backward_transfer,
                              gather_on(workload, route[stage - 1], costs.backward_gather));
      if (token_loop)
        decode[stage] = add(workload.network, route[stage], route[next], costs.decode_transfer,
                            gather_on(workload, route[next], costs.decode_gather));
    }
    forward_.push_back(std::move(forward));
    backward_.push_back(std::move(backward));
    decode_.push_back(std::move(decode));
  }
}

EdgeClass TransferTable::copy(const Network& network, Rank from, Rank to, Bytes bytes) {
  const auto [place, added] = copies_.try_emplace({from, to, bytes});
  if (added) {
    place->second = add(network, from, to, bytes);
    classes_.back().holds_sender = false;
  }
  return place->second;
}

// What a flow that alone has `own` has while all replicas send.
BytesPerSecond TransferTable::among_all(const Network& network, Rank from, Rank to,
                                        BytesPerSecond own) const {
  const Route all = route_between(network, link_factors_, from, to);
  if (links_.replicas == ReplicaSharing::Static) return std::min(own, all.bandwidth);
  for (const LinkShare& share : all.shares)
    if (!share.queues) own = std::min(own, share.each());
  return own;
}

EdgeClass TransferTable::add(const Network& network, Rank from, Rank to, Bytes bytes, Time gather) {
  if (from == to) return kDataEdge;
  Route route = route_between(network, link_factors_, from, to, links_.replica);
  if (links_.replica && links_.replicas != ReplicaSharing::Dynamic)
    route.bandwidth = among_all(network, from, to, route.bandwidth);
  const Time transmission = route.transmission(bytes);
  classes_.push_back({from, to, bytes, route.latency_with(gather), transmission, std::move(route.links),
                      std::move(route.shares)});
  return static_cast<EdgeClass>(classes_.size() - 1);
}

}  // namespace ppsim
