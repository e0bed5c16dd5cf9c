// What must be so before a replay begins.
#pragma once

#include "ppsim/replay/replay.hpp"

namespace ppsim {

/// All ranks call it. Throws JointError.
void check_requirements(const OpGraph& graph, Group& group, const ReplayOptions& options);

}  // namespace ppsim
