// Routes of a transfer. It stands for the GPUs of a tensor group, each of which sends its own part to the GPU
// of the same place in the other group, in every data-parallel replica at the same moment.
#include "ppsim/model/hardware/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "model/hardware/group_blocks.hpp"
#include "model/hardware/group_flows.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {

namespace {

// [ranks][ranks - 1] targets ascending, the rank itself left out, so that ids are dense.
LinkId pair_link(std::uint32_t ranks, Rank from, Rank to) {
  const std::size_t column = index(to) - (to > from ? 1 : 0);
  return static_cast<LinkId>(index(from) * (ranks - 1) + column);
}

std::string pair_name(std::uint32_t ranks, LinkId link) {
  const std::size_t from = index(link) / (ranks - 1);
  const std::size_t column = index(link) % (ranks - 1);
  return fmt::format("rank {} -> rank {}", from, column + (column >= from ? 1 : 0));
}

// What the GPUs of two ranks send at the same moment.
class PeerTraffic {
 public:
  PeerTraffic(const Cluster& cluster, const Parallelism& parallelism, Rank from, Rank to)
      : links_(cluster), parallelism_(parallelism), from_(from), to_(to) {}

  void add(std::uint32_t replica) {
    const GpuRange senders = tensor_group(parallelism_, from_, replica);
    const GpuRange receivers = tensor_group(parallelism_, to_, replica);
    std::vector<LinkId> near, far;
    for (std::uint64_t gpu = 0; gpu < senders.count; ++gpu) {
      const GpuPath path = links_.path(senders.first + gpu, receivers.first + gpu);
      flows_.add(path);
      for (const LinkCapacity& use : path.links)
        if (use.queues) (path.crosses_nodes ? far : near).push_back(use.link);
    }
    if (near_.empty()) near_ = std::move(near);
    if (far_.empty()) far_ = std::move(far);
  }

  [[nodiscard]] Route route() && {
    const bool crosses = !far_.empty();
    Route route{crosses ? std::move(far_) : std::move(near_), flows_.rate(), flows_.latency(), crosses};
    std::sort(route.links.begin(), route.links.end());
    route.links.erase(std::unique(route.links.begin(), route.links.end()), route.links.end());
    for (const auto& [link, share] : flows_.shares()) route.shares.push_back(share);
    return route;
  }

 private:
  ClusterLinks links_;
  const Parallelism& parallelism_;
  Rank from_, to_;
  std::vector<LinkId> near_;  // within nodes: of the first replica that has such peers
  std::vector<LinkId> far_;   // and between nodes
  LinkFlows flows_;           // of all replicas
};

}  // namespace

std::string_view name(LinkKind kind) {
  switch (kind) {
    case LinkKind::RankToRank:
      return "rank to rank";
    case LinkKind::NvLink:
      return "NVLink";
    case LinkKind::Pcie:
      return "PCIe";
    case LinkKind::PcieSwitch:
      return "PCIe switch uplink";
    case LinkKind::Nic:
      return "NIC";
    case LinkKind::Leaf:
      return "leaf uplink";
  }
  return "?";
}

Network Network::point_to_point(std::uint32_t ranks, Link link) {
  return Network(PointToPoint{ranks, link});
}

Network Network::of_cluster(const Cluster& cluster, const Parallelism& parallelism) {
  return Network(OfCluster{cluster, parallelism});
}

// Only one replica's links are held, the first that takes this way: the replicas move in step, so the others'
// links are free and busy at the same moments, and a route stays as short with 1000 replicas as with one.
Route Network::route(Rank from, Rank to, std::optional<std::uint32_t> replica) const {
  PPSIM_ASSERT(from != to, fmt::format("rank {} to itself", index(from)));
  if (const auto* pairs = std::get_if<PointToPoint>(&kind_)) {
    PPSIM_ASSERT(index(std::max(from, to)) < pairs->ranks,
                 fmt::format("rank {} to {} of {}", index(from), index(to), pairs->ranks));
    const LinkId link = pair_link(pairs->ranks, from, to);
    return {{link}, pairs->link.bandwidth, pairs->link.latency, false, {{link, pairs->link.bandwidth}}};
  }
  const auto& of = std::get<OfCluster>(kind_);
  PPSIM_ASSERT(index(std::max(from, to)) < of.parallelism.pipeline,
               fmt::format("rank {} to {} of {}", index(from), index(to), of.parallelism.pipeline));
  PeerTraffic traffic(of.cluster, of.parallelism, from, to);
  const std::uint32_t end = replica ? *replica + 1 : of.parallelism.replicas();
  for (std::uint32_t one = replica.value_or(0); one < end; ++one) traffic.add(one);
  return std::move(traffic).route();
}

// The GPUs of a rank, all replicas, follow one another.
std::vector<GroupUse> Network::group_uses(Rank rank, GroupKind kind,
                                          std::optional<std::uint32_t> replica) const {
  const auto* of = std::get_if<OfCluster>(&kind_);
  if (of == nullptr) return {};
  const GpuRange first = tensor_group(of->parallelism, rank, 0);
  const GpuRange all{first.first, first.count * of->parallelism.replicas()};
  const GpuRange senders = replica ? tensor_group(of->parallelism, rank, *replica) : all;
  const GroupBlocks blocks = group_blocks(of->parallelism, kind);
  if (blocks.block == blocks.side_by_side || all.count % blocks.block != 0) return {};
  const ClusterLinks links(of->cluster);
  std::map<LinkId, GroupUse> uses;
  const auto note = [&uses](const LinkFlows& flows, std::uint32_t GroupUse::*way) {
    for (const auto& [link, share] : flows.shares())
      uses.try_emplace(link, GroupUse{link, share.capacity}).first->second.*way += share.flows;
  };
  for (std::uint64_t begin = all.first; begin < all.first + all.count; begin += blocks.block) {
    const GpuRange block{begin, blocks.block};
    if (!block.meets(senders)) continue;
    const auto groups = make_groups(block, blocks.side_by_side);
    note(flows_inside(links, groups, senders), &GroupUse::inside);
    note(flows_across(links, groups, senders), &GroupUse::across);
  }
  std::vector<GroupUse> result;
  for (const auto& [link, use] : uses) result.push_back(use);
  return result;
}

std::uint32_t Network::partners(GroupKind kind) const {
  const auto* of = std::get_if<OfCluster>(&kind_);
  if (of == nullptr) return 1;
  const std::uint64_t tensor = of->parallelism.tensor;
  return static_cast<std::uint32_t>(std::lcm(group_blocks(of->parallelism, kind).block, tensor) / tensor);
}

std::uint32_t Network::replicas() const {
  const auto* of = std::get_if<OfCluster>(&kind_);
  return of != nullptr ? of->parallelism.replicas() : 1;
}

std::uint32_t Network::link_count() const {
  if (const auto* pairs = std::get_if<PointToPoint>(&kind_)) return pairs->ranks * (pairs->ranks - 1);
  return ClusterLinks(std::get<OfCluster>(kind_).cluster).count();
}

std::vector<LinkClass> Network::link_classes() const {
  const auto* pairs = std::get_if<PointToPoint>(&kind_);
  if (pairs == nullptr) return ClusterLinks(std::get<OfCluster>(kind_).cluster).classes();
  if (link_count() == 0) return {};
  return {{LinkKind::RankToRank, LinkId{0}, link_count(), pairs->link}};
}

std::string Network::link_name(LinkId link) const {
  PPSIM_ASSERT(index(link) < link_count(), fmt::format("link {} of {}", index(link), link_count()));
  if (const auto* pairs = std::get_if<PointToPoint>(&kind_)) return pair_name(pairs->ranks, link);
  return ClusterLinks(std::get<OfCluster>(kind_).cluster).name(link);
}

}  // namespace ppsim
