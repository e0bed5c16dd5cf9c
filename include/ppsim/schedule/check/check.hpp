// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Checks of any schedule, generated or read from a file: written once for all, and all faults at once.
#pragma once

#include <vector>

#include "ppsim/core/error.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// Every fault of order, in order of rank and step (where: "rank 3, step 17"):
/// an op of a stage that the rank does not hold or that does not exist; an op twice; one that is missing (F
/// of every stage and micro-batch; and, unless forward_only, either B, or I and W); B or I before its F, W
/// before its I, on one rank; a pair that is not a forward with a backward of another micro-batch. O(ops).
/// Deadlocks across ranks are found on the graph (find_cycle, graph/op_graph.hpp).
[[nodiscard]] std::vector<Fault> check_order(const Schedule& schedule);

}  // namespace ppsim
