// What measurements of all kinds share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "ppsim/core/units.hpp"
#include "replay/group.hpp"

namespace ppsim {

/// On rank 0 each rank's times, by rank; elsewhere empty.
[[nodiscard]] std::vector<std::vector<Time>> gather_times(Group& group, const std::vector<Time>& times);

/// Repeats that take about `budget` where the slowest rank's one takes `slowest`: enough for a median, and no
/// more than one has patience for. Rank 0's, everywhere.
[[nodiscard]] std::uint32_t agree_on_count(Group& group, Time budget, Time slowest);

/// All ranks call it. `repeat(n)` runs n repeats and returns their times, none where this rank only waits.
/// The first one may make connections and allocate: the second counts.
template <class Repeat>
[[nodiscard]] std::uint32_t agree_on_count(Group& group, Time budget, Repeat&& repeat) {
  const std::vector<Time> warm_up = repeat(2U);
  return agree_on_count(group, budget, warm_up.empty() ? Time{} : warm_up.back());
}

}  // namespace ppsim
