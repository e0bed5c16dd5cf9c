/// The links of a cluster as dense ids: two NVLink ports a GPU, two directions a NIC.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ppsim/model/cluster.hpp"
#include "ppsim/model/network.hpp"

namespace ppsim {

struct LinkCapacity {
  LinkId link{};
  BytesPerSecond capacity;
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
  explicit ClusterLinks(const Cluster& cluster) : cluster_(cluster) {}

  [[nodiscard]] std::uint64_t node_of(std::uint64_t gpu) const { return gpu / cluster_.gpus_per_node; }

  /// NIC of the GPU's node that it uses: floor(g x nics / gpus).
  [[nodiscard]] std::uint64_t nic_of(std::uint64_t gpu) const {
    return gpu % cluster_.gpus_per_node * cluster_.nics_per_node / cluster_.gpus_per_node;
  }

  [[nodiscard]] LinkId nvlink_out(std::uint64_t gpu) const { return static_cast<LinkId>(2 * gpu); }
  [[nodiscard]] LinkId nvlink_in(std::uint64_t gpu) const { return static_cast<LinkId>(2 * gpu + 1); }
  [[nodiscard]] LinkId nic_out(std::uint64_t gpu) const { return static_cast<LinkId>(nic_link(gpu)); }
  [[nodiscard]] LinkId nic_in(std::uint64_t gpu) const { return static_cast<LinkId>(nic_link(gpu) + 1); }

  /// Between two different GPUs: NVLink within a node, their NICs between nodes.
  [[nodiscard]] GpuPath path(std::uint64_t from, std::uint64_t to) const;

  [[nodiscard]] std::uint32_t count() const {
    return static_cast<std::uint32_t>(
        2 * (cluster_.gpus() + std::uint64_t{cluster_.nodes} * cluster_.nics_per_node));
  }

  /// "node 0 GPU 3 NVLink out", "node 1 NIC 0 in"
  [[nodiscard]] std::string name(LinkId link) const;

 private:
  [[nodiscard]] std::uint64_t nic_link(std::uint64_t gpu) const {
    return 2 * (cluster_.gpus() + node_of(gpu) * cluster_.nics_per_node + nic_of(gpu));
  }

  const Cluster& cluster_;
};

}  // namespace ppsim
