#include "graph/collective_classes.hpp"

#include <algorithm>

#include "graph/op_costs.hpp"

namespace ppsim {
namespace {

// A pass has two collectives a layer or so; more pieces would cost more events and show no more.
std::uint32_t count_pieces(const Workload& workload, std::span<const Op> ops) {
  constexpr std::uint32_t kMost = 16;
  if (is_collective(ops.front().kind)) return 1;
  std::uint32_t layers = 1;
  for (const Op op : ops) layers = std::max(layers, workload.stages[index(op.stage)].layers.count);
  return std::min(2 * std::min(layers, kMost), kMost);
}

double per_second(double bytes, Time time) {
  return bytes / Seconds(time).count();
}

}  // namespace

const CollectiveClasses::Uses& CollectiveClasses::uses_of(Rank rank) {
  const auto [place, added] = uses_.try_emplace(rank);
  for (std::size_t kind = 0; added && kind < kGroupKinds; ++kind)
    place->second[kind] = workload_.network.group_uses(rank, static_cast<GroupKind>(kind), replica_);
  return place->second;
}

// A link never has more to bear than it can: what a group's formula says of its time holds where it is alone.
CollectiveClass CollectiveClasses::make_class(Rank rank, const CollectiveBytes& bytes, Time time) {
  CollectiveClass result;
  std::map<LinkId, CollectiveClass::Share> shares;  // `weight`: bytes a second
  const Uses& uses = uses_of(rank);
  for (std::size_t kind = 0; kind < kGroupKinds; ++kind) {
    for (const GroupUse& use : uses[kind]) {
      const double moved = use.inside * bytes[kind].inside + use.across * bytes[kind].across;
      if (moved <= 0) continue;
      const BytesPerSecond capacity =
          capacity_left(workload_.network, workload_.link_factors, use.link, use.capacity);
      auto& share = shares.try_emplace(use.link, CollectiveClass::Share{use.link, capacity}).first->second;
      share.weight += per_second(moved, time);
    }
    if (!uses[kind].empty())
      result.rate = std::max(result.rate, per_second(std::max(bytes[kind].inside, bytes[kind].across), time));
  }
  for (auto& [link, share] : shares) {
    share.weight = std::min(share.weight, static_cast<double>(share.capacity.count())) / result.rate;
    result.shares.push_back(share);
  }
  return result;
}

std::uint32_t CollectiveClasses::of(Rank rank, std::span<const Op> ops, Time time) {
  if (time == Time{}) return kNoCollective;
  const auto op_class = [&](Op op) -> OpClass {
    const bool token_step = op.kind == OpKind::Forward && schedule_.is_token_step(op.micro_batch);
    return {2 * static_cast<std::uint32_t>(op.kind) + (token_step ? 1 : 0),
            static_cast<std::uint32_t>(index(op.stage))};
  };
  const Key key{rank, op_class(ops.front()), op_class(ops.back()), time};
  const auto [place, added] = known_.try_emplace(key, kNoCollective);
  if (!added) return place->second;
  CollectiveBytes bytes{};
  for (const Op op : ops) {
    const CollectiveBytes own = collective_bytes(schedule_, workload_, op);
    for (std::size_t kind = 0; kind < kGroupKinds; ++kind) bytes[kind] += own[kind];
  }
  CollectiveClass made = make_class(rank, bytes, time);
  if (made.shares.empty()) return kNoCollective;
  made.pieces = count_pieces(workload_, ops);
  classes_.push_back(std::move(made));
  return place->second = static_cast<std::uint32_t>(classes_.size() - 1);
}

namespace {

// Who uses a link: one class of transfers, or one stream of a rank, on which nothing meets itself.
using Owner = std::pair<bool, std::uint32_t>;
constexpr Owner kSeveral{true, kNoCollective};

class LinkOwners {
 public:
  void add(LinkId link, Owner owner) {
    const auto [place, added] = owners_.try_emplace(link, owner);
    if (!added && place->second != owner) place->second = kSeveral;
  }
  [[nodiscard]] bool has_several(LinkId link) const { return owners_.at(link) == kSeveral; }

 private:
  std::map<LinkId, Owner> owners_;
};

// [classes] The stream that runs each.
std::vector<std::uint32_t> streams_of(const OpGraph::Data& data) {
  std::vector<std::uint32_t> streams(data.collective_classes.size());
  for (std::uint32_t rank = 0; rank < data.side_begin.size(); ++rank) {
    for (VertexId v = data.rank_begin[rank]; v < data.rank_begin[rank + 1]; ++v) {
      const std::uint32_t side = v >= data.side_begin[rank] ? 1 : 0;
      if (data.collectives[v] != kNoCollective) streams[data.collectives[v]] = 2 * rank + side;
    }
  }
  return streams;
}

}  // namespace

void drop_unshared(OpGraph::Data& data) {
  if (data.collectives.empty()) return;
  const std::vector<std::uint32_t> streams = streams_of(data);
  LinkOwners owners;
  for (std::uint32_t kind = 0; kind < data.transfers.size(); ++kind)
    for (const LinkShare& share : data.transfers[kind].shares) owners.add(share.link, {true, kind});
  for (std::uint32_t kind = 0; kind < data.collective_classes.size(); ++kind)
    for (const auto& share : data.collective_classes[kind].shares)
      owners.add(share.link, {false, streams[kind]});
  std::vector<bool> shared;
  for (const CollectiveClass& kind : data.collective_classes)
    shared.push_back(std::any_of(kind.shares.begin(), kind.shares.end(),
                                 [&](const auto& share) { return owners.has_several(share.link); }));
  for (VertexId v = 0; v < data.collectives.size(); ++v) {
    if (data.collectives[v] == kNoCollective || shared[data.collectives[v]]) continue;
    data.collectives[v] = kNoCollective;
    data.collective_times[v] = Time{};
  }
}

Time collective_time(const Schedule& schedule, const Workload& workload, std::span<const Op> ops,
                     Time duration, const RankSpeed& speed) {
  if (is_collective(ops.front().kind)) return duration;
  Time sum{};
  for (const Op op : ops)
    sum += tensor_comm(schedule, workload, op, speed) +
           scaled(other_comm(schedule, workload, op), 1 / speed.compute);
  return std::min(sum, duration);
}

}  // namespace ppsim
