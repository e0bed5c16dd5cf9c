/// The links of a cluster as dense ids, two directions each: a port a GPU (NVLink or PCIe), NICs, uplinks of
/// PCIe switches, uplinks of leaf switches.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ppsim/model/hardware/cluster.hpp"
#include "ppsim/model/hardware/network.hpp"

namespace ppsim {

/// `capacity` is what the flows of whole GPUs may take of the link together: where a GPU spreads its bytes
/// over k such links, k times the link's bandwidth.
struct LinkCapacity {
  LinkId link{};
  BytesPerSecond capacity;
  bool queues = true;  ///< serves one transfer at a time under contention fifo; a leaf's uplinks are many
};

/// What bytes cross on their way from one GPU to another.
struct GpuPath {
  std::vector<LinkCapacity> links;
  Time latency{};
  bool crosses_nodes = false;
};

/// Numbers GPUs node by node, as GpuRange does. Borrows the cluster.
class ClusterLinks {
 public:
  explicit ClusterLinks(const Cluster& cluster);

  [[nodiscard]] std::uint64_t node_of(std::uint64_t gpu) const { return gpu / cluster_.gpus_per_node; }

  /// The first NIC of its node that a GPU uses, counted in the node (Cluster::nics_per_gpu()).
  [[nodiscard]] std::uint64_t nic_of(std::uint64_t gpu) const;

  /// Between two different GPUs: NVLink or PCIe within a node, their NICs between nodes.
  [[nodiscard]] GpuPath path(std::uint64_t from, std::uint64_t to) const;

  /// The uplink of the leaf above a GPU's first NIC; none without a fabric.
  [[nodiscard]] std::optional<LinkCapacity> leaf_up(std::uint64_t gpu) const;
  /// That of the PCIe switch above a GPU; none where a node has one switch, or NVLink.
  [[nodiscard]] std::optional<LinkCapacity> switch_out(std::uint64_t gpu) const;

  [[nodiscard]] bool is_nic(LinkId link) const {
    return index(link) >= first_nic_ && index(link) < first_switch_;
  }
  [[nodiscard]] bool is_leaf(LinkId link) const { return index(link) >= first_leaf_; }

  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(count_); }

  [[nodiscard]] std::vector<LinkClass> classes() const;

  /// "node 0 GPU 3 NVLink out", "node 0 GPU 3 PCIe in", "node 1 NIC 0 in", "node 0 switch 1 out", "leaf 2
  /// up", "leaf 2 rail 3 down"
  [[nodiscard]] std::string name(LinkId link) const;

 private:
  using Path = std::vector<LinkCapacity>;

  [[nodiscard]] LinkId port(std::uint64_t gpu, bool out) const;
  [[nodiscard]] LinkId nic(std::uint64_t node, std::uint64_t nic, bool out) const;
  [[nodiscard]] LinkId switch_link(std::uint64_t node, std::uint64_t number, bool out) const;

  [[nodiscard]] std::uint64_t switch_of(std::uint64_t gpu) const;  ///< counted in the node
  [[nodiscard]] std::uint64_t switch_of_nic(std::uint64_t gpu) const;
  [[nodiscard]] std::uint64_t leaf_of(std::uint64_t node, std::uint64_t nic) const;
  [[nodiscard]] LinkCapacity leaf_link(std::uint64_t leaf, bool up) const;

  [[nodiscard]] GpuPath path_inside(std::uint64_t from, std::uint64_t to) const;
  [[nodiscard]] GpuPath path_across(std::uint64_t from, std::uint64_t to) const;
  void add_switches(Path& path, std::uint64_t node, std::uint64_t from, std::uint64_t to) const;
  void add_nics(Path& path, std::uint64_t from, std::uint64_t to) const;
  bool add_spine(Path& path, std::uint64_t from, std::uint64_t to) const;

  const Cluster& cluster_;
  std::uint64_t switches_;  ///< of a node
  std::uint64_t leaves_;    ///< of a group of nodes
  // Each counts link ids, two to a link.
  std::uint64_t first_nic_, first_switch_, first_leaf_, count_;
};

}  // namespace ppsim
