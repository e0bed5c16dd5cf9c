// What the links of a cluster leave to a group, while the groups beside it do the same at the same time.
//
// A figure is the even share of the busiest link that its flows cross: NVLink carries one flow each
// way and is left whole; a NIC that three GPUs use leaves each a third; the uplink of a PCIe switch is shared
// by the hops that leave the switch, that of a leaf by those that leave the leaf.
//
// Rings. Across nodes one ring would use one NIC a node. With K NICs a node the bytes are cut into K parts
// first, and K rings run side by side, each through all n GPUs but crossing to the next node on a NIC of its
// own, to the NIC of the same place there. A ring carries 1/K of the bytes and its crossing takes as long as
// K times the bytes on K NICs: all rings together run at K x NIC. Every GPU forwards all K rings, to its
// neighbour in the node or to its NIC, so the rings together cannot pass one NVLink, or one PCIe link,
// either:
//   rate = min(K x NIC, NVLink)        (one GPU a node: no NVLink on the way, but PCIe)
// The rings of groups that pass through a node share its NICs, each GPU a part of its own:
//   a ring's rate = sum over its GPUs in the node of NIC / (GPUs on that NIC)
// which is K x NIC / G for G groups where the NICs have as many GPUs each,
// and the node with the least sets the pace of the whole block. Where every GPU of a node hands on to the
// next node, f of these flows leave a leaf, and a group of p GPUs a node has p of the f parts of its uplinks:
//   a ring's rate <= p x uplinks / f
// For a ring over consecutive nodes f is what one node sends: with oversubscription o and L nodes under a
// leaf, whose uplinks carry L / o nodes, only o > L slows a ring. Groups of which several leave a leaf from
// different nodes (tensor groups over two nodes, say) add up in f.
//
// All-to-all. A member sends a piece to each other in turn. Under a leaf (or a PCIe switch) with m of a
// group's n members, each sends n - m pieces over the uplinks, so these carry m (n - m) pieces of each group
// while a member sends F to other nodes:
//   rate of a member = min(its share of a NIC, uplinks x F / sum over groups of m (n - m))
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "model/hardware/group_flows.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/model/collectives/collectives.hpp"

namespace ppsim {

namespace {

// A share of less than 1 B/s would be no rate at all.
BytesPerSecond share_of_link(BytesPerSecond rate, double parts) {
  const double most = static_cast<double>(LinkFlows::kUnlimited.count() / 2);
  const double part = std::min(static_cast<double>(rate.count()) * parts, most);
  return BytesPerSecond(std::max<std::int64_t>(static_cast<std::int64_t>(part), 1));
}

Link slower_link(Link a, Link b) {
  return {std::min(a.bandwidth, b.bandwidth), std::max(a.latency, b.latency)};
}

Link link_of(const LinkFlows& flows, const Link& absent) {
  return flows.empty() ? absent : Link{flows.rate(), flows.latency()};
}

// The GPUs of all groups in one node.
struct NodeUse {
  std::uint64_t gpus = 0;
  std::vector<std::span<const std::uint64_t>> parts;  // by group
  std::map<std::uint64_t, std::uint64_t> users;       // of each NIC: GPUs of all groups
};

std::map<std::uint64_t, NodeUse> use_of_nodes(const ClusterLinks& links, std::span<const GpuGroup> groups) {
  std::map<std::uint64_t, NodeUse> nodes;
  for (const GpuGroup& group : groups) {
    for (const auto part : parts_by_node(links, group)) {
      NodeUse& node = nodes[links.node_of(part.front())];
      node.gpus += part.size();
      node.parts.push_back(part);
      for (const std::uint64_t gpu : part) ++node.users[links.nic_of(gpu)];
    }
  }
  return nodes;
}

// What the links of nodes leave to the rings of groups that span nodes.
Link ring_in_nodes(const Cluster& cluster, const ClusterLinks& links, std::span<const GpuGroup> groups,
                   const Link& inside) {
  Link ring{LinkFlows::kUnlimited, cluster.infiniband.latency};
  for (const auto& [node, use] : use_of_nodes(links, groups)) {
    for (const auto part : use.parts) {
      double nics = 0;
      for (const std::uint64_t gpu : part) nics += 1.0 / static_cast<double>(use.users.at(links.nic_of(gpu)));
      ring.bandwidth = std::min(ring.bandwidth,
                                share_of_link(cluster.infiniband.bandwidth, nics * cluster.nics_per_gpu()));
    }
    if (use.gpus > use.parts.size()) ring = slower_link(ring, inside);
    if (cluster.pcie) ring.bandwidth = std::min(ring.bandwidth, cluster.pcie->link.bandwidth);
  }
  return ring;
}

Link ring_over_nodes(const Cluster& cluster, const ClusterLinks& links, std::span<const GpuGroup> groups,
                     const GroupLinks& result, const LinkFlows& across) {
  Link ring = ring_in_nodes(cluster, links, groups, result.inside);
  const BytesPerSecond uplinks = across.rate([&](LinkId link) { return !links.is_nic(link); });
  ring.bandwidth = std::min(ring.bandwidth, share_of_link(uplinks, static_cast<double>(result.per_node)));
  ring.latency = std::max(ring.latency, across.latency());
  return ring;
}

// Pieces that leave what is behind an uplink, in all steps of an all-to-all.
class PiecesOut {
 public:
  /// Each of `members` behind the uplink sends over it to `others`; below zero takes away.
  void add(const LinkCapacity& uplink, double members, double others) {
    Load& load = loads_.try_emplace(uplink.link, Load{uplink.capacity, 0}).first->second;
    load.pieces += members * others;
  }

  /// Of a member that sends so many pieces meanwhile.
  [[nodiscard]] BytesPerSecond rate(double pieces) const {
    BytesPerSecond least = LinkFlows::kUnlimited;
    for (const auto& [link, load] : loads_)
      if (load.pieces > 0) least = std::min(least, share_of_link(load.capacity, pieces / load.pieces));
    return least;
  }

 private:
  struct Load {
    BytesPerSecond capacity;
    double pieces;
  };
  std::map<LinkId, Load> loads_;
};

using Members = std::map<LinkId, std::pair<LinkCapacity, double>>;  // behind each uplink

template <class Uplink>
Members members_by_uplink(std::span<const std::uint64_t> gpus, Uplink uplink) {
  Members members;
  for (const std::uint64_t gpu : gpus)
    if (const std::optional<LinkCapacity> link = uplink(gpu))
      ++members.try_emplace(link->link, *link, 0).first->second.second;
  return members;
}

BytesPerSecond spread_over_switches(const ClusterLinks& links, std::span<const GpuGroup> groups,
                                    double pieces) {
  PiecesOut out;
  for (const GpuGroup& group : groups)
    for (const auto part : parts_by_node(links, group))
      for (const auto& [link, members] :
           members_by_uplink(part, [&](std::uint64_t gpu) { return links.switch_out(gpu); }))
        out.add(members.first, members.second, static_cast<double>(part.size()) - members.second);
  return out.rate(pieces);
}

// Where a leaf is a rail's, members of one node are under different leaves; what they exchange stays in the
// node all the same.
BytesPerSecond spread_over_leaves(const ClusterLinks& links, std::span<const GpuGroup> groups,
                                  double pieces) {
  const auto uplink = [&](std::uint64_t gpu) { return links.leaf_up(gpu); };
  PiecesOut out;
  for (const GpuGroup& group : groups) {
    for (const auto& [link, members] : members_by_uplink(group, uplink))
      out.add(members.first, members.second, static_cast<double>(group.size()) - members.second);
    for (const auto part : parts_by_node(links, group))
      for (const auto& [link, members] : members_by_uplink(part, uplink))
        out.add(members.first, -members.second, static_cast<double>(part.size()) - members.second);
  }
  return out.rate(pieces);
}

// Pairwise, so that the longest path is between any two members.
Time spread_latency(const Cluster& cluster, BytesPerSecond over_leaves) {
  const bool spine = over_leaves != LinkFlows::kUnlimited;
  return cluster.infiniband.latency + (spine ? cluster.fabric->latency : Time{});
}

void count_members(const ClusterLinks& links, std::span<const GpuGroup> groups, GroupLinks& result) {
  result.members = result.per_node = groups.front().size();
  for (const GpuGroup& group : groups) {
    const auto parts = parts_by_node(links, group);
    result.nodes = std::max<std::uint64_t>(result.nodes, parts.size());
    for (const auto part : parts) result.per_node = std::min<std::uint64_t>(result.per_node, part.size());
  }
}

void set_spread(const Cluster& cluster, const ClusterLinks& links, std::span<const GpuGroup> groups,
                const LinkFlows& across, GroupLinks& result) {
  const auto near = static_cast<double>(result.per_node - 1);
  const auto far = static_cast<double>(result.members - result.per_node);
  result.spread_inside = cluster.inside();
  if (near > 0)
    result.spread_inside.bandwidth =
        std::min(result.spread_inside.bandwidth, spread_over_switches(links, groups, near));
  result.spread_across = cluster.infiniband;
  if (across.empty()) return;
  const BytesPerSecond leaves = spread_over_leaves(links, groups, far);
  const BytesPerSecond in_nodes = across.rate([&](LinkId link) { return !links.is_leaf(link); });
  result.spread_across = {std::min(in_nodes, leaves), spread_latency(cluster, leaves)};
}

GroupLinks links_of(const Cluster& cluster, std::span<const GpuGroup> groups) {
  const ClusterLinks links(cluster);
  GroupLinks result;
  count_members(links, groups, result);
  const LinkFlows across = flows_across(links, groups);
  result.inside = link_of(flows_inside(links, groups), cluster.inside());
  result.across = link_of(across, cluster.infiniband);
  result.hop = link_of(flows_of_hop(links, groups), cluster.infiniband);
  result.ring = result.nodes == 1 ? result.inside : ring_over_nodes(cluster, links, groups, result, across);
  set_spread(cluster, links, groups, across, result);
  return result;
}

GpuGroup first_of_nodes(const Cluster& cluster, GroupShape shape) {
  GpuGroup group;
  for (std::uint64_t node = 0; node < shape.nodes; ++node)
    for (std::uint64_t gpu = 0; gpu < shape.gpus_per_node; ++gpu)
      group.push_back(node * cluster.gpus_per_node + gpu);
  return group;
}

}  // namespace

Link ring_link(const Cluster& cluster, GroupShape group) {
  return group_links(cluster, group).ring;
}

GroupLinks group_links(const Cluster& cluster, GroupShape group) {
  const GpuGroup gpus = first_of_nodes(cluster, group);
  return links_of(cluster, {&gpus, 1});
}

GroupLinks slower(const GroupLinks& a, const GroupLinks& b) {
  return {.members = a.members,
          .nodes = std::max(a.nodes, b.nodes),
          .per_node = std::min(a.per_node, b.per_node),
          .ring = slower_link(a.ring, b.ring),
          .inside = slower_link(a.inside, b.inside),
          .across = slower_link(a.across, b.across),
          .hop = slower_link(a.hop, b.hop),
          .spread_inside = slower_link(a.spread_inside, b.spread_inside),
          .spread_across = slower_link(a.spread_across, b.spread_across)};
}

GroupLinks group_links(const Cluster& cluster, GpuRange block, std::uint64_t side_by_side) {
  return links_of(cluster, make_groups(block, side_by_side));
}

}  // namespace ppsim
