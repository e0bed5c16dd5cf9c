// What the links of a cluster leave to a group.
//
// Across nodes one ring would use one NIC a node. With k NICs a node the bytes are cut into k parts first,
// and k rings run side by side, each through all n GPUs but crossing to the next node on a NIC of its own. A
// ring carries 1/k of the bytes and its crossing takes as long as k times the bytes on k NICs: all rings
// together run at k x NIC. Every GPU forwards all k rings to its neighbour in the node, so the rings together
// cannot pass one NVLink either:
//   rate = min(k x NIC, NVLink)        (one GPU a node: no NVLink on the way)
//
// Groups side by side (the GPUs of the same place in each tensor group, say) do the same at the same time.
// Their rings share the NICs of the node that they pass through:
//   a ring's rate = NICs used x NIC / groups, at most NVLink where a group has two GPUs in the node
// and the node with the least sets the pace of the whole block.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "network_links.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/model/collectives.hpp"

namespace ppsim {

namespace {

// NICs that the first `gpus` GPUs of a node use: GPU g uses NIC floor(g x nics / gpus_per_node), which
// ascends with g.
std::int64_t nics_used(const ClusterLinks& links, GpuRange gpus) {
  std::int64_t used = 1;
  for (std::uint64_t gpu = gpus.first + 1; gpu < gpus.first + gpus.count; ++gpu)
    used += links.nic_of(gpu) != links.nic_of(gpu - 1) ? 1 : 0;
  return used;
}

// Of GPUs of one node.
std::uint64_t most_on_a_nic(const ClusterLinks& links, GpuRange gpus) {
  std::map<std::uint64_t, std::uint64_t> users;
  std::uint64_t most = 1;
  for (std::uint64_t gpu = gpus.first; gpu < gpus.first + gpus.count; ++gpu)
    most = std::max(most, ++users[links.nic_of(gpu)]);
  return most;
}

// A share of less than 1 B/s would be no rate at all.
BytesPerSecond share(BytesPerSecond rate, std::int64_t parts, std::uint64_t of) {
  const double part =
      static_cast<double>(rate.count()) * static_cast<double>(parts) / static_cast<double>(of);
  return BytesPerSecond(std::max<std::int64_t>(static_cast<std::int64_t>(part), 1));
}

Link slower(Link a, Link b) {
  return {std::min(a.bandwidth, b.bandwidth), std::max(a.latency, b.latency)};
}

// The links of `gpus`, all of one node, of a block of so many groups that spans nodes.
GroupLinks links_in_node(const Cluster& cluster, GpuRange gpus, std::uint64_t side_by_side) {
  const ClusterLinks links(cluster);
  const Link& nic = cluster.infiniband;
  const std::uint64_t rings = std::min(side_by_side, gpus.count);
  GroupLinks here;
  here.inside = cluster.nvlink;
  here.ring = {share(nic.bandwidth, nics_used(links, gpus), rings), nic.latency};
  if (gpus.count > rings) here.ring = slower(here.ring, cluster.nvlink);
  const auto nic_share = [&](GpuRange sending) {
    return Link{share(nic.bandwidth, 1, most_on_a_nic(links, sending)), nic.latency};
  };
  here.across = nic_share(gpus);
  here.hop = nic_share({gpus.first + gpus.count - rings, rings});
  return here;
}

// Nodes that the members of a group are on, and how many in the node that has the fewest.
void count_members(const ClusterLinks& links, GpuRange block, std::uint64_t side_by_side, std::uint64_t group,
                   GroupLinks& result) {
  std::uint64_t nodes = 0, here = 0, fewest = result.members;
  std::uint64_t node = links.node_of(block.first + group);
  for (std::uint64_t i = group; i < block.count; i += side_by_side) {
    if (links.node_of(block.first + i) != node) {
      fewest = std::min(fewest, here);
      node = links.node_of(block.first + i);
      ++nodes;
      here = 0;
    }
    ++here;
  }
  result.per_node = std::min({result.per_node, fewest, here});
  result.nodes = std::max(result.nodes, nodes + 1);
}

}  // namespace

Link ring_link(const Cluster& cluster, GroupShape group) {
  if (group.nodes == 1) return cluster.nvlink;
  return links_in_node(cluster, {0, group.gpus_per_node}, 1).ring;
}

GroupLinks group_links(const Cluster& cluster, GroupShape group) {
  GroupLinks result = links_in_node(cluster, {0, group.gpus_per_node}, 1);
  if (group.nodes == 1) result.ring = cluster.nvlink;
  result.members = group.size();
  result.nodes = group.nodes;
  result.per_node = group.gpus_per_node;
  return result;
}

GroupLinks slower(const GroupLinks& a, const GroupLinks& b) {
  return {.members = a.members,
          .nodes = std::max(a.nodes, b.nodes),
          .per_node = std::min(a.per_node, b.per_node),
          .ring = slower(a.ring, b.ring),
          .inside = slower(a.inside, b.inside),
          .across = slower(a.across, b.across),
          .hop = slower(a.hop, b.hop)};
}

GroupLinks group_links(const Cluster& cluster, GpuRange block, std::uint64_t side_by_side) {
  PPSIM_ASSERT(side_by_side > 0 && block.count % side_by_side == 0,
               fmt::format("{} GPUs in {} groups", block.count, side_by_side));
  const ClusterLinks links(cluster);
  const std::uint64_t members = block.count / side_by_side;
  const std::uint64_t end = block.first + block.count;
  const auto node_end = [&](std::uint64_t gpu) {
    return std::min(end, (links.node_of(gpu) + 1) * cluster.gpus_per_node);
  };
  GroupLinks result =
      links_in_node(cluster, {block.first, node_end(block.first) - block.first}, side_by_side);
  if (node_end(block.first) == end) result.ring = cluster.nvlink;
  for (std::uint64_t first = node_end(block.first); first < end; first = node_end(first))
    result = slower(result, links_in_node(cluster, {first, node_end(first) - first}, side_by_side));
  result.members = result.per_node = members;
  for (std::uint64_t group = 0; group < side_by_side; ++group)
    count_members(links, block, side_by_side, group, result);
  return result;
}

}  // namespace ppsim
