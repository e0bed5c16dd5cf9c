#include "output/trace/lanes.hpp"

#include <functional>
#include <queue>
#include <utility>

namespace ppsim {

std::vector<std::uint32_t> assign_lanes(std::span<const Interval> intervals) {
  using Busy = std::pair<Time, std::uint32_t>;  // until when, which lane
  std::priority_queue<Busy, std::vector<Busy>, std::greater<>> busy;
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> free;
  std::uint32_t lanes = 0;
  std::vector<std::uint32_t> assigned;
  assigned.reserve(intervals.size());
  for (const Interval& interval : intervals) {
    for (; !busy.empty() && busy.top().first <= interval.start; busy.pop()) free.push(busy.top().second);
    if (free.empty()) free.push(lanes++);
    assigned.push_back(free.top());
    busy.emplace(interval.finish, free.top());
    free.pop();
  }
  return assigned;
}

}  // namespace ppsim
