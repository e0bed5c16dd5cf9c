// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Busy and idle time of a timeline, and what each idle nanosecond waited for.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"

namespace ppsim {

enum class IdleCause : std::uint8_t {
  Warmup,
  Cooldown,
  Dependency,
  Contention,
  Latency,
  Bandwidth,
  Blocked,
  Tail
};
inline constexpr std::size_t kIdleCauses = 8;

[[nodiscard]] std::string_view name(IdleCause cause);  ///< "warmup", "cooldown", ...

/// 1 - busy / (ranks x window), 0 where the window is: exact up to one division.
[[nodiscard]] double idle_share(Time busy, std::size_t ranks, Time window);

struct RankBubbles {
  Time busy{};
  Time idle{};                                    ///< makespan - busy
  std::array<Time, kIdleCauses> idle_by_cause{};  ///< sums to idle exactly
  Time span{};                                    ///< own first start to own last finish
};

struct Bubbles {
  Time makespan{};  ///< first start to last finish
  Time busy{};      ///< sum over ranks
  Time max_rank_span{};
  std::vector<RankBubbles> ranks;  ///< [P]

  /// Each is 0 where its denominator is.
  [[nodiscard]] double bubble_fraction() const;       ///< 1 - busy / (P x makespan)
  [[nodiscard]] double bubble_ratio() const;          ///< idle / busy
  [[nodiscard]] double span_bubble_fraction() const;  ///< 1 - busy / (P x max_rank_span)
};

/// The rules of DESIGN section 4 (where they leave a choice, src/metrics/rank_walk.cpp says which). An
/// overlapped pair is one busy interval. A timeline may be measured: the run begins with its first start,
/// whatever its clock says. O((V + E) log V).
[[nodiscard]] Bubbles measure_bubbles(const OpGraph& graph, const Timeline& timeline);

}  // namespace ppsim
