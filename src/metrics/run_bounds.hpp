/// What the rules of idle causes need to know of a whole run, and of a whole rank.
#pragma once

#include <optional>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"

namespace ppsim {

struct TailSpan {
  Time begin{}, end{};
};

/// Where a rank's ramps lie. Empty: it has no such op.
struct RankRamps {
  std::optional<Time> first_backward_start;
  std::optional<Time> last_forward_finish;
};

struct RunBounds {
  Time begin{}, end{};
  bool forward_only = true;          ///< no backward on any rank
  std::vector<RankRamps> ramps;      ///< [P]
  std::vector<bool> tails;           ///< [vertices] gradient reduction, parameter gathering, optimizer step
  std::vector<TailSpan> tail_times;  ///< when some rank does that, by begin; they may overlap
};

[[nodiscard]] RunBounds find_bounds(const OpGraph& graph, const Timeline& timeline);

}  // namespace ppsim
