#include "replay/cuda/gpu_layout.hpp"

#include <set>
#include <tuple>

namespace ppsim {
namespace {

std::uint32_t process_of(std::uint32_t rank, std::uint32_t replica, std::uint32_t tensor,
                         const GpuLayout& layout) {
  return (rank * layout.replicas + replica) * layout.tensor + tensor;
}

// Communicator, sender and receiver of each message, once, in order.
std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>> lanes_of_process(const LaunchPlan& plan) {
  std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>> lanes;
  for (std::uint32_t rank = 0; rank < plan.ranks.size(); ++rank) {
    for (const Launch& launch : plan.ranks[rank].list) {
      if (launch.kind == LaunchKind::Send) lanes.emplace(launch.communicator, rank, index(launch.peer));
    }
  }
  return lanes;
}

std::uint32_t pipelines(const GpuLayout& layout) {
  return layout.per_rank();
}

}  // namespace

std::vector<std::uint32_t> pipeline_of(const ProcessPlace& place, const GpuLayout& layout,
                                       std::uint32_t ranks) {
  std::vector<std::uint32_t> processes;
  for (std::uint32_t rank = 0; rank < ranks; ++rank)
    processes.push_back(process_of(rank, place.replica, place.tensor, layout));
  return processes;
}

GpuWorld make_world(const LaunchPlan& plan, const GpuLayout& layout) {
  const auto ranks = static_cast<std::uint32_t>(plan.ranks.size());
  const auto lanes = lanes_of_process(plan);
  GpuWorld world;
  for (std::uint32_t inner = 0; inner < pipelines(layout); ++inner) {
    const auto processes = pipeline_of(ProcessPlace(inner, layout), layout, ranks);
    const auto first = static_cast<std::uint32_t>(world.members.size());
    for (const LaunchCommunicator& communicator : plan.communicators) {
      Members& members = world.members.emplace_back();
      for (const Rank rank : communicator.members) members.push_back(processes[index(rank)]);
    }
    for (const auto& [communicator, from, to] : lanes)
      world.wires.push_back({first + communicator, processes[from], processes[to]});
  }
  for (std::uint32_t rank = 0; rank < ranks && layout.tensor > 1; ++rank) {
    for (std::uint32_t replica = 0; replica < layout.replicas; ++replica) {
      Members& members = world.members.emplace_back();
      for (std::uint32_t t = 0; t < layout.tensor; ++t)
        members.push_back(process_of(rank, replica, t, layout));
    }
  }
  for (std::uint32_t rank = 0; rank < ranks && layout.replicas > 1; ++rank) {
    for (std::uint32_t t = 0; t < layout.tensor; ++t) {
      Members& members = world.members.emplace_back();
      for (std::uint32_t replica = 0; replica < layout.replicas; ++replica)
        members.push_back(process_of(rank, replica, t, layout));
    }
  }
  return world;
}

std::uint32_t first_communicator(const ProcessPlace& place, const LaunchPlan& plan, const GpuLayout& layout) {
  const std::uint32_t inner = place.replica * layout.tensor + place.tensor;
  return inner * static_cast<std::uint32_t>(plan.communicators.size());
}

GroupNumbers group_numbers(const ProcessPlace& place, const LaunchPlan& plan, const GpuLayout& layout) {
  const auto ranks = static_cast<std::uint32_t>(plan.ranks.size());
  const auto pipeline = static_cast<std::uint32_t>(plan.communicators.size()) * pipelines(layout);
  const std::uint32_t tensor_groups = layout.tensor > 1 ? ranks * layout.replicas : 0;
  GroupNumbers groups;
  if (layout.tensor > 1) groups.tensor = pipeline + index(place.rank) * layout.replicas + place.replica;
  if (layout.replicas > 1)
    groups.replicas = pipeline + tensor_groups + index(place.rank) * layout.tensor + place.tensor;
  return groups;
}

}  // namespace ppsim
