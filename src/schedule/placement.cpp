#include "ppsim/schedule/placement.hpp"

#include <algorithm>

namespace ppsim {

std::vector<Stage> Placement::stages_of(Rank rank) const {
  std::vector<Stage> held;
  for (const std::vector<Rank>& direction : route) {
    for (std::size_t stage = 0; stage < direction.size(); ++stage) {
      if (direction[stage] == rank) held.push_back(static_cast<Stage>(stage));
    }
  }
  std::sort(held.begin(), held.end());
  return held;
}

Placement linear_placement(std::uint32_t ranks) {
  return looped_placement(ranks, 1);
}

Placement looped_placement(std::uint32_t ranks, std::uint32_t chunks) {
  std::vector<Rank> route(std::size_t{ranks} * chunks);
  for (std::size_t stage = 0; stage < route.size(); ++stage) route[stage] = static_cast<Rank>(stage % ranks);
  return {ranks, {std::move(route)}};
}

Placement wave_placement(std::uint32_t ranks, std::uint32_t chunks) {
  Placement placement = looped_placement(ranks, chunks);
  std::vector<Rank>& route = placement.route.front();
  for (std::size_t odd = ranks; odd < route.size(); odd += 2 * std::size_t{ranks}) {
    const auto begin = route.begin() + static_cast<std::ptrdiff_t>(odd);
    std::reverse(begin, begin + ranks);
  }
  return placement;
}

Placement bidirectional_placement(std::uint32_t ranks) {
  Placement placement = linear_placement(ranks);
  placement.route.emplace_back(placement.route.front().rbegin(), placement.route.front().rend());
  return placement;
}

}  // namespace ppsim
