#include "network_links.hpp"

#include <fmt/format.h>

namespace ppsim {

GpuPath ClusterLinks::path(std::uint64_t from, std::uint64_t to) const {
  const bool crosses = node_of(from) != node_of(to);
  const Link& link = crosses ? cluster_.infiniband : cluster_.nvlink;
  const LinkId out = crosses ? nic_out(from) : nvlink_out(from);
  const LinkId in = crosses ? nic_in(to) : nvlink_in(to);
  return {{{out, link.bandwidth}, {in, link.bandwidth}}, link.latency, crosses};
}

std::string ClusterLinks::name(LinkId link) const {
  const std::uint64_t device = index(link) / 2;
  const char* way = index(link) % 2 == 0 ? "out" : "in";
  if (device < cluster_.gpus())
    return fmt::format("node {} GPU {} NVLink {}", node_of(device), device % cluster_.gpus_per_node, way);
  const std::uint64_t nic = device - cluster_.gpus();
  return fmt::format("node {} NIC {} {}", nic / cluster_.nics_per_node, nic % cluster_.nics_per_node, way);
}

}  // namespace ppsim
