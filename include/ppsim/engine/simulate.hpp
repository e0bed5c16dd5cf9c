/// The engine: OpGraph -> Timeline.
#pragma once

#include <cstdint>

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"

namespace ppsim {

/// Who shares a link.
enum class Contention : std::uint8_t {
  None,  ///< a transfer takes latency + bytes / bandwidth, whatever else is on the way
  Fifo,  ///< a link serves one transfer at a time, in the order they become ready
  Fair,  ///< all transfers on a link share it, max-min fair
};

/// Runs the graph: by one topological pass where nothing is shared, else by events. O(V + E), with events O(V
/// log P + E); where transfers have events of their own O((V + E) log(V + E)), and what sharing costs. Throws
/// DeadlockError (where: "schedule") with the cycle where it cannot finish.
[[nodiscard]] Timeline simulate(const OpGraph& graph, Contention contention);

}  // namespace ppsim
