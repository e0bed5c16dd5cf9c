/// Lanes: intervals that overlap in time go side by side.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ppsim/graph/timeline.hpp"

namespace ppsim {

/// The lane of each interval, 0 first: the lowest one that is free when it starts. What touches shares a
/// lane. `intervals` ascend by start. O(n log n).
[[nodiscard]] std::vector<std::uint32_t> assign_lanes(std::span<const Interval> intervals);

}  // namespace ppsim
