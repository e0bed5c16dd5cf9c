#include "model/hardware/link_flows.hpp"

namespace ppsim {

void LinkFlows::add(const GpuPath& path) {
  for (const LinkCapacity& use : path.links)
    ++shares_.try_emplace(use.link, LinkShare{use.link, use.capacity, 0, use.queues}).first->second.flows;
  latency_ = std::max(latency_, path.latency);
}

}  // namespace ppsim
