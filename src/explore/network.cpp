#include "ppsim/explore/network.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "plan.hpp"
#include "ppsim/engine/fair_share.hpp"
#include "ppsim/graph/op_costs.hpp"

namespace ppsim {

namespace {

using Pair = std::pair<Rank, Rank>;

// Of links with as much for each of the route's flows the first.
LinkShare busiest_of(const Route& route) {
  const auto each = [](const LinkShare& share) { return share.capacity.count() / share.flows; };
  return *std::min_element(route.shares.begin(), route.shares.end(),
                           [&](const LinkShare& a, const LinkShare& b) { return each(a) < each(b); });
}

class Transfers {
 public:
  explicit Transfers(const Plan& plan) : schedule_(plan.schedule), workload_(plan.workload) {}

  std::vector<TransferRow> rows() && {
    for (const std::vector<Rank>& route : schedule_.placement.route)
      for (std::size_t stage = 0; stage < route.size(); ++stage) add_stage(route, stage);
    return std::move(rows_);
  }

 private:
  void add_stage(const std::vector<Rank>& route, std::size_t stage) {
    const StageCosts& costs = workload_.stages[stage];
    const Rank next = route[(stage + 1) % route.size()];
    if (stage + 1 < route.size())
      add(TransferKind::Forward, route[stage], next, costs.forward_transfer, costs.forward_gather);
    if (stage > 0 && !schedule_.forward_only)
      add(TransferKind::Backward, route[stage], route[stage - 1], costs.backward_transfer,
          costs.backward_gather);
    if (schedule_.requests > 0)
      add(TransferKind::Token, route[stage], next, costs.decode_transfer, costs.decode_gather);
  }

  void add(TransferKind kind, Rank from, Rank to, Bytes bytes, Time gather) {
    if (from == to || !seen_.emplace(kind, from, to, bytes).second) return;
    Route route = route_between(workload_.network, workload_.link_factors, from, to);
    const Time gathering = gather_on(workload_, to, gather);
    const LinkShare busiest = busiest_of(route);
    rows_.push_back({.kind = kind,
                     .from = from,
                     .to = to,
                     .bytes = bytes,
                     .route = route,
                     .latency = route.latency_with(gathering),
                     .alone = route.transfer(bytes, gathering),
                     .loaded = {},
                     .busiest = busiest});
  }

  const Schedule& schedule_;
  const Workload& workload_;
  std::set<std::tuple<TransferKind, Rank, Rank, Bytes>> seen_;
  std::vector<TransferRow> rows_;
};

// Links by the place of their constraint.
class Constraints {
 public:
  explicit Constraints(std::span<const TransferRow> rows) {
    for (const TransferRow& row : rows)
      for (const LinkShare& share : row.route.shares)
        if (places_.try_emplace(share.link, static_cast<std::uint32_t>(capacities_.size())).second)
          capacities_.push_back(static_cast<double>(share.capacity.count()));
  }

  [[nodiscard]] const std::vector<double>& capacities() const { return capacities_; }

  [[nodiscard]] std::vector<FairShare::Use> uses(const Route& route) const {
    std::vector<FairShare::Use> uses;
    for (const LinkShare& share : route.shares)
      uses.push_back({places_.at(share.link), static_cast<double>(share.flows)});
    return uses;
  }

 private:
  std::map<LinkId, std::uint32_t> places_;
  std::vector<double> capacities_;
};

void set_loaded(std::vector<TransferRow>& rows) {
  const Constraints constraints(rows);
  FairShare share(constraints.capacities());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].loaded = rows[i].alone;
    const Time wire = rows[i].route.wire(rows[i].bytes);
    if (wire > Time{})
      share.start(static_cast<std::uint32_t>(i), constraints.uses(rows[i].route), wire, Time{});
  }
  for (Time end = share.next(); end < Time::max(); end = share.next())
    if (TransferRow& row = rows[share.finish()]; end < Time::max() - row.latency)
      row.loaded = end + row.latency;
}

// Neighbours of a kind with the same users count as one.
std::vector<SharedLinks> shared_by(std::span<const TransferRow> rows) {
  std::map<LinkId, std::pair<BytesPerSecond, std::set<Pair>>> users;
  for (const TransferRow& row : rows)
    for (const LinkShare& share : row.route.shares) {
      auto& [capacity, pairs] = users[share.link];
      capacity = share.capacity;
      pairs.emplace(row.from, row.to);
    }
  std::vector<SharedLinks> shared;
  std::map<std::pair<BytesPerSecond, std::set<Pair>>, std::size_t> places;
  for (const auto& [link, user] : users) {
    if (user.second.size() < 2) continue;
    const auto [place, added] = places.try_emplace(user, shared.size());
    if (added)
      shared.push_back({link, 1, user.first, {user.second.begin(), user.second.end()}});
    else
      ++shared[place->second].count;
  }
  return shared;
}

std::vector<LinkUse> use_of(const Network& network, std::span<const TransferRow> rows) {
  std::set<LinkId> used;
  for (const TransferRow& row : rows)
    for (const LinkShare& share : row.route.shares) used.insert(share.link);
  std::vector<LinkUse> uses;
  for (const LinkClass& links : network.link_classes()) {
    const auto end = static_cast<LinkId>(index(links.first) + links.count);
    uses.push_back({links, static_cast<std::uint32_t>(
                               std::distance(used.lower_bound(links.first), used.lower_bound(end)))});
  }
  return uses;
}

}  // namespace

NetworkDescription describe_network(const Config& config) {
  Plan plan = make_plan(config);
  std::vector<TransferRow> transfers = Transfers(plan).rows();
  set_loaded(transfers);
  std::vector<std::vector<CollectiveRow>> collectives;
  if (const auto* input = std::get_if<ModelInput>(&config.input))
    collectives = located(
        config, [&] { return make_collective_tables(*input, config.parallelism, shape_of(plan.schedule)); });
  return {.links = use_of(plan.workload.network, transfers),
          .transfers = transfers,
          .shared = shared_by(transfers),
          .collectives = std::move(collectives),
          .network = plan.workload.network};
}

}  // namespace ppsim
