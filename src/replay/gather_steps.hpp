// From each rank's times to one timeline.
#pragma once

#include <vector>

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "replay/clocks.hpp"
#include "replay/group.hpp"
#include "replay/step_times.hpp"

namespace ppsim {

/// All processes call it, each with its own steps. On rank 0 the timelines, each from its first start, all on
/// rank 0's clock (`clocks` [processes]); elsewhere none. Where several processes in a row are one rank, its
/// first one's. Where clocks disagree a transfer arrives when it departs at the
/// earliest.
[[nodiscard]] std::vector<Timeline> gather_steps(const OpGraph& graph, Group& group,
                                                 const std::vector<StepTimes>& steps,
                                                 const std::vector<RankClock>& clocks);

}  // namespace ppsim
