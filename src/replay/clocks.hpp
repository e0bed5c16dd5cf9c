/// The clocks of all ranks against that of rank 0.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ppsim/core/units.hpp"
#include "replay/group.hpp"

namespace ppsim {

/// A message to a rank and back, on rank 0's clock, and what the rank's clock said in between.
struct Ping {
  Time sent{};
  Time seen{};
  Time back{};
};

/// What a clock is ahead of rank 0's, at `at` of its own time; at most `uncertainty` off, if nothing but the
/// way there and back takes time.
struct ClockOffset {
  Time at{};
  Time offset{};
  Time uncertainty{};

  friend bool operator==(const ClockOffset&, const ClockOffset&) = default;
};

/// Of the ping with the shortest way: seen - (sent + back) / 2, give or take (back - sent) / 2 (Cristian,
/// "Probabilistic clock synchronization", 1989). Requires one.
[[nodiscard]] ClockOffset estimate_offset(std::span<const Ping> pings);

/// One rank's clock: its offset at the start and at the end of a replay, and a line between them.
struct RankClock {
  ClockOffset begin, end;
  bool is_first_ones = false;  ///< the same clock as rank 0's: on one machine there is only one

  /// A moment of this clock on rank 0's.
  [[nodiscard]] Time on_first(Time moment) const;
};

/// All ranks call it. On rank 0 the offset of each rank [P] by some pings; elsewhere empty.
[[nodiscard]] std::vector<ClockOffset> estimate_offsets(Group& group);

/// Linux's name for this boot of this machine, whatever container one looks from; "" where there is none.
[[nodiscard]] std::string machine_name();

/// All ranks call it. On rank 0 for each rank [P] whether it has the same clock; elsewhere empty.
[[nodiscard]] std::vector<bool> find_same_clocks(Group& group);

}  // namespace ppsim
