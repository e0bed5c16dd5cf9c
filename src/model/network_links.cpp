#include "network_links.hpp"

#include <fmt/format.h>

namespace ppsim {

std::string ClusterLinks::name(LinkId link) const {
  const std::uint64_t device = index(link) / 2;
  const char* way = index(link) % 2 == 0 ? "out" : "in";
  if (device < cluster_.gpus())
    return fmt::format("node {} GPU {} NVLink {}", node_of(device), device % cluster_.gpus_per_node, way);
  const std::uint64_t nic = device - cluster_.gpus();
  return fmt::format("node {} NIC {} {}", nic / cluster_.nics_per_node, nic % cluster_.nics_per_node, way);
}

}  // namespace ppsim
