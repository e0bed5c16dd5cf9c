#include "model/hardware/group_flows.hpp"

#include <fmt/format.h>

#include "ppsim/core/error.hpp"

namespace ppsim {

namespace {

using Parts = std::vector<std::span<const std::uint64_t>>;

// Calls `visit(part, next)` for the members in each node and in the next one that the group is on.
template <class Visit>
void visit_hops(const ClusterLinks& links, std::span<const GpuGroup> groups, Visit visit) {
  for (const GpuGroup& group : groups) {
    const Parts parts = parts_by_node(links, group);
    for (std::size_t i = 0; parts.size() > 1 && i < parts.size(); ++i)
      visit(parts[i], parts[(i + 1) % parts.size()]);
  }
}

}  // namespace

std::vector<GpuGroup> make_groups(GpuRange block, std::uint64_t side_by_side) {
  PPSIM_ASSERT(side_by_side > 0 && block.count % side_by_side == 0,
               fmt::format("{} GPUs in {} groups", block.count, side_by_side));
  std::vector<GpuGroup> groups(side_by_side);
  for (std::uint64_t i = 0; i < block.count; ++i) groups[i % side_by_side].push_back(block.first + i);
  return groups;
}

std::vector<std::span<const std::uint64_t>> parts_by_node(const ClusterLinks& links, const GpuGroup& group) {
  Parts parts;
  for (std::size_t first = 0, i = 1; i <= group.size(); ++i) {
    if (i < group.size() && links.node_of(group[i]) == links.node_of(group[first])) continue;
    parts.push_back(std::span(group).subspan(first, i - first));
    first = i;
  }
  return parts;
}

LinkFlows flows_inside(const ClusterLinks& links, std::span<const GpuGroup> groups, GpuRange senders) {
  LinkFlows flows;
  for (const GpuGroup& group : groups)
    for (const auto part : parts_by_node(links, group))
      for (std::size_t i = 0; part.size() > 1 && i < part.size(); ++i)
        if (senders.contains(part[i])) flows.add(links.path(part[i], part[(i + 1) % part.size()]));
  return flows;
}

LinkFlows flows_across(const ClusterLinks& links, std::span<const GpuGroup> groups, GpuRange senders) {
  LinkFlows flows;
  visit_hops(links, groups, [&](auto part, auto next) {
    for (std::size_t i = 0; i < std::min(part.size(), next.size()); ++i)
      if (senders.contains(part[i])) flows.add(links.path(part[i], next[i]));
  });
  return flows;
}

LinkFlows flows_of_hop(const ClusterLinks& links, std::span<const GpuGroup> groups) {
  LinkFlows flows;
  visit_hops(links, groups, [&](auto part, auto next) { flows.add(links.path(part.back(), next.front())); });
  return flows;
}

}  // namespace ppsim
