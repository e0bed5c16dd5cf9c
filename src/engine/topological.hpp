// The engine where nothing is shared: every transfer is an edge's delay, and one pass in topological order
// does it all.
#pragma once

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"

namespace ppsim {

/// O(V + E). Throws DeadlockError with the cycle.
[[nodiscard]] Timeline run_topological(const OpGraph& graph);

}  // namespace ppsim
