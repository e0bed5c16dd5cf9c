#include "transfer_table.hpp"

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
    const auto found = factors.find(network.link_name(share.link));
    if (found == factors.end()) continue;
    share.capacity = at_least_one(std::llround(static_cast<double>(share.capacity.count()) * found->second));
    route.bandwidth = std::min(route.bandwidth, at_least_one(share.capacity.count() / share.flows));
  }
}

}  // namespace

TransferTable::TransferTable(const Placement& placement, const Workload& workload, bool token_loop)
    : link_factors_(workload.link_factors) {
  const std::size_t stages = placement.stages();
  for (const std::vector<Rank>& route : placement.route) {
    std::vector<EdgeClass> forward(stages, kDataEdge), backward(stages, kDataEdge), decode(stages, kDataEdge);
    for (std::size_t stage = 0; stage < stages; ++stage) {
      const StageCosts& costs = workload.stages[stage];
      const std::size_t next = (stage + 1) % stages;
      if (stage + 1 < stages)
        forward[stage] = add(workload.network, route[stage], route[next], costs.forward_transfer);
      if (stage > 0)
        backward[stage] = add(workload.network, route[stage], route[stage - 1], costs.backward_transfer);
      if (token_loop) decode[stage] = add(workload.network, route[stage], route[next], costs.decode_transfer);
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

EdgeClass TransferTable::add(const Network& network, Rank from, Rank to, Bytes bytes) {
  if (from == to) return kDataEdge;
  Route route = network.route(from, to);
  slow_down(route, network, link_factors_);
  const Time wire = route.wire(bytes);
  classes_.push_back({from, to, bytes, route.latency, wire, std::move(route.links), std::move(route.shares)});
  return static_cast<EdgeClass>(classes_.size() - 1);
}

}  // namespace ppsim
