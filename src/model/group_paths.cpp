#include "group_paths.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "network_links.hpp"

namespace ppsim {

namespace {

class UseCounter {
 public:
  UseCounter(const Cluster& cluster, GpuRange rank, GroupBlocks blocks)
      : links_(cluster), rank_(rank), blocks_(blocks), members_(blocks.block / blocks.side_by_side) {}

  void add(std::uint64_t gpu) {
    const std::uint64_t place = gpu - rank_.first;
    const std::uint64_t first = gpu - place % blocks_.block + place % blocks_.side_by_side;
    const std::uint64_t member = place % blocks_.block / blocks_.side_by_side;
    const auto [begin, end] = node_members(first, member);
    if (end - begin > 1) count(gpu, gpu_of(first, member + 1 < end ? member + 1 : begin), &GroupUse::inside);
    if (end - begin == members_) return;
    const auto [next, next_end] = node_members(first, end % members_);
    count(gpu, gpu_of(first, std::min(next + (member - begin), next_end - 1)), &GroupUse::across);
  }

  [[nodiscard]] std::vector<GroupUse> take() && {
    std::vector<GroupUse> uses;
    for (const auto& [link, use] : uses_) uses.push_back(use);
    return uses;
  }

 private:
  [[nodiscard]] std::uint64_t gpu_of(std::uint64_t first, std::uint64_t member) const {
    return first + member * blocks_.side_by_side;
  }

  // Members of the group that are in one node with `member`: [begin, end).
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> node_members(std::uint64_t first,
                                                                     std::uint64_t member) const {
    const auto is_near = [&](std::uint64_t other) {
      return links_.node_of(gpu_of(first, other)) == links_.node_of(gpu_of(first, member));
    };
    std::uint64_t begin = member, end = member + 1;
    while (begin > 0 && is_near(begin - 1)) --begin;
    while (end < members_ && is_near(end)) ++end;
    return {begin, end};
  }

  void count(std::uint64_t from, std::uint64_t to, std::uint32_t GroupUse::*way) {
    for (const LinkCapacity& link : links_.path(from, to).links)
      ++(uses_.try_emplace(link.link, GroupUse{link.link, link.capacity}).first->second.*way);
  }

  ClusterLinks links_;
  GpuRange rank_;
  GroupBlocks blocks_;
  std::uint64_t members_;
  std::map<LinkId, GroupUse> uses_;
};

}  // namespace

std::vector<GroupUse> group_uses(const Cluster& cluster, const Parallelism& parallelism, GroupKind kind,
                                 GpuRange rank, GpuRange senders) {
  const GroupBlocks blocks = group_blocks(parallelism, kind);
  if (blocks.block == blocks.side_by_side || rank.count % blocks.block != 0) return {};
  UseCounter counter(cluster, rank, blocks);
  for (std::uint64_t gpu = senders.first; gpu < senders.first + senders.count; ++gpu) counter.add(gpu);
  return std::move(counter).take();
}

}  // namespace ppsim
