// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// The idle time of each rank between its actions, gap by gap.
#pragma once

#include <vector>

#include "ppsim/core/ids.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/metrics/bubbles.hpp"

namespace ppsim {

struct Gap {
  Rank rank{};
  VertexId before = kNoVertex;  ///< the action that ends it; kNoVertex: it lies behind the rank's last one
  Time length{};
  IdleCause cause{};  ///< of the largest part of it, the first of equals

  friend bool operator==(const Gap&, const Gap&) = default;
};

/// One in front of each action and one behind the last of each rank, rank by rank in program order, those
/// without length too: so all timelines of a graph have the same gaps. A rank's gaps and the actions that
/// count as `tail` sum to its idle time in measure_bubbles(). O((V + E) log V).
[[nodiscard]] std::vector<Gap> list_gaps(const OpGraph& graph, const Timeline& timeline);

}  // namespace ppsim
