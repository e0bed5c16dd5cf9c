#include "model/hardware/network_links.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ppsim {

namespace {

LinkId direction(std::uint64_t first, std::uint64_t link, bool out) {
  return static_cast<LinkId>(first + 2 * link + (out ? 0 : 1));
}

BytesPerSecond times(BytesPerSecond rate, std::uint32_t count) {
  return BytesPerSecond(rate.count() * count);
}

}  // namespace

ClusterLinks::ClusterLinks(const Cluster& cluster)
    : cluster_(cluster),
      switches_(cluster.switches_per_node()),
      leaves_(cluster.leaves_per_group()),
      first_nic_(2 * cluster.gpus()),
      first_switch_(first_nic_ + 2 * std::uint64_t{cluster.nodes} * cluster.nics_per_node),
      first_leaf_(first_switch_ + 2 * cluster.nodes * switches_),
      count_(first_leaf_ + 2 * cluster.leaf_groups() * leaves_) {}

std::uint64_t ClusterLinks::nic_of(std::uint64_t gpu) const {
  const std::uint64_t place = gpu % cluster_.gpus_per_node;
  if (cluster_.nics_per_node >= cluster_.gpus_per_node) return place * cluster_.nics_per_gpu();
  return place * cluster_.nics_per_node / cluster_.gpus_per_node;
}

LinkId ClusterLinks::port(std::uint64_t gpu, bool out) const {
  return direction(0, gpu, out);
}

LinkId ClusterLinks::nic(std::uint64_t node, std::uint64_t nic, bool out) const {
  return direction(first_nic_, node * cluster_.nics_per_node + nic, out);
}

LinkId ClusterLinks::switch_link(std::uint64_t node, std::uint64_t number, bool out) const {
  return direction(first_switch_, node * switches_ + number, out);
}

std::uint64_t ClusterLinks::switch_of(std::uint64_t gpu) const {
  return gpu % cluster_.gpus_per_node / cluster_.pcie->gpus_per_switch;
}

// Of the NIC that the GPU uses: where that has several users, the switch of the first.
std::uint64_t ClusterLinks::switch_of_nic(std::uint64_t gpu) const {
  if (cluster_.nics_per_node >= cluster_.gpus_per_node) return switch_of(gpu);
  const std::uint64_t nics = cluster_.nics_per_node;
  return switch_of((nic_of(gpu) * cluster_.gpus_per_node + nics - 1) / nics);
}

std::uint64_t ClusterLinks::leaf_of(std::uint64_t node, std::uint64_t nic) const {
  return node / cluster_.fabric->nodes_per_leaf * leaves_ + (cluster_.fabric->rail_optimized ? nic : 0);
}

// A rail's leaf has one NIC of each node below it, and gets 1/k of the bytes of a GPU with k NICs.
LinkCapacity ClusterLinks::leaf_link(std::uint64_t leaf, bool up) const {
  const Fabric& fabric = *cluster_.fabric;
  const std::uint64_t first_node = leaf / leaves_ * fabric.nodes_per_leaf;
  const std::uint64_t nodes = std::min<std::uint64_t>(fabric.nodes_per_leaf, cluster_.nodes - first_node);
  const std::uint64_t nics =
      nodes * (fabric.rail_optimized ? cluster_.nics_per_gpu() : cluster_.nics_in_use());
  const double capacity = static_cast<double>(nics) *
                          static_cast<double>(cluster_.infiniband.bandwidth.count()) /
                          fabric.oversubscription;
  return {direction(first_leaf_, leaf, up),
          BytesPerSecond(std::max<std::int64_t>(static_cast<std::int64_t>(capacity), 1)), false};
}

std::optional<LinkCapacity> ClusterLinks::leaf_up(std::uint64_t gpu) const {
  if (!cluster_.fabric) return std::nullopt;
  return leaf_link(leaf_of(node_of(gpu), nic_of(gpu)), true);
}

std::optional<LinkCapacity> ClusterLinks::switch_out(std::uint64_t gpu) const {
  if (switches_ == 0) return std::nullopt;
  return LinkCapacity{switch_link(node_of(gpu), switch_of(gpu), true), cluster_.pcie->link.bandwidth};
}

// Between two PCIe switches of a node.
void ClusterLinks::add_switches(Path& path, std::uint64_t node, std::uint64_t from, std::uint64_t to) const {
  if (from == to) return;
  path.push_back({switch_link(node, from, true), cluster_.pcie->link.bandwidth});
  path.push_back({switch_link(node, to, false), cluster_.pcie->link.bandwidth});
}

void ClusterLinks::add_nics(Path& path, std::uint64_t from, std::uint64_t to) const {
  const std::uint32_t each = cluster_.nics_per_gpu();
  const BytesPerSecond all = times(cluster_.infiniband.bandwidth, each);
  for (std::uint32_t i = 0; i < each; ++i) {
    path.push_back({nic(node_of(from), nic_of(from) + i, true), all});
    path.push_back({nic(node_of(to), nic_of(to) + i, false), all});
  }
}

// GPUs with k NICs each meet k leaves of as many rails; all of these cross the spine, or none does. Else they
// meet one leaf. Says whether the spine is crossed.
bool ClusterLinks::add_spine(Path& path, std::uint64_t from, std::uint64_t to) const {
  if (!cluster_.fabric) return false;
  const std::uint32_t leaves = cluster_.fabric->rail_optimized ? cluster_.nics_per_gpu() : 1;
  const std::uint64_t first = leaf_of(node_of(from), nic_of(from)), last = leaf_of(node_of(to), nic_of(to));
  if (first == last) return false;
  for (std::uint32_t i = 0; i < leaves; ++i) {
    path.push_back(leaf_link(first + i, true));
    path.push_back(leaf_link(last + i, false));
  }
  return true;
}

GpuPath ClusterLinks::path_inside(std::uint64_t from, std::uint64_t to) const {
  const Link& link = cluster_.inside();
  GpuPath path{{{port(from, true), link.bandwidth}, {port(to, false), link.bandwidth}}, link.latency, false};
  if (switches_ > 0) add_switches(path.links, node_of(from), switch_of(from), switch_of(to));
  return path;
}

GpuPath ClusterLinks::path_across(std::uint64_t from, std::uint64_t to) const {
  GpuPath path{{}, cluster_.infiniband.latency, true};
  if (cluster_.pcie) {
    path.links = {{port(from, true), cluster_.pcie->link.bandwidth},
                  {port(to, false), cluster_.pcie->link.bandwidth}};
    if (switches_ > 0) {
      add_switches(path.links, node_of(from), switch_of(from), switch_of_nic(from));
      add_switches(path.links, node_of(to), switch_of_nic(to), switch_of(to));
    }
  }
  add_nics(path.links, from, to);
  if (add_spine(path.links, from, to)) path.latency += cluster_.fabric->latency;
  return path;
}

GpuPath ClusterLinks::path(std::uint64_t from, std::uint64_t to) const {
  return node_of(from) == node_of(to) ? path_inside(from, to) : path_across(from, to);
}

// A port or a NIC that leads to nobody is no link.
std::vector<LinkClass> ClusterLinks::classes() const {
  std::vector<LinkClass> list;
  const auto add = [&](LinkKind kind, std::uint64_t first, std::uint64_t end, const Link& link) {
    if (first < end)
      list.push_back({kind, static_cast<LinkId>(first), static_cast<std::uint32_t>(end - first), link});
  };
  if (cluster_.gpus_per_node > 1)
    add(cluster_.pcie ? LinkKind::Pcie : LinkKind::NvLink, 0, first_nic_, cluster_.inside());
  if (cluster_.nodes > 1) add(LinkKind::Nic, first_nic_, first_switch_, cluster_.infiniband);
  if (cluster_.pcie)
    add(LinkKind::PcieSwitch, first_switch_, first_leaf_, {cluster_.pcie->link.bandwidth, Time{}});
  if (cluster_.fabric) {
    const std::uint32_t each = cluster_.fabric->rail_optimized ? cluster_.nics_per_gpu() : 1;
    const BytesPerSecond uplinks(leaf_link(0, true).capacity.count() / each);
    add(LinkKind::Leaf, first_leaf_, count_, {uplinks, cluster_.fabric->latency});
  }
  return list;
}

std::string ClusterLinks::name(LinkId link) const {
  const std::uint64_t id = index(link);
  const char* way = id % 2 == 0 ? "out" : "in";
  if (id < first_nic_)
    return fmt::format("node {} GPU {} {} {}", node_of(id / 2), id / 2 % cluster_.gpus_per_node,
                       cluster_.pcie ? "PCIe" : "NVLink", way);
  if (id < first_switch_) {
    const std::uint64_t nic = (id - first_nic_) / 2;
    return fmt::format("node {} NIC {} {}", nic / cluster_.nics_per_node, nic % cluster_.nics_per_node, way);
  }
  if (id < first_leaf_) {
    const std::uint64_t number = (id - first_switch_) / 2;
    return fmt::format("node {} switch {} {}", number / switches_, number % switches_, way);
  }
  const std::uint64_t leaf = (id - first_leaf_) / 2;
  const std::string rail = cluster_.fabric->rail_optimized ? fmt::format(" rail {}", leaf % leaves_) : "";
  return fmt::format("leaf {}{} {}", leaf / leaves_, rail, id % 2 == 0 ? "up" : "down");
}

}  // namespace ppsim
