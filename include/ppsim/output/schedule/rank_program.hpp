// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// One rank's part of a schedule, in words.
#pragma once

#include <string>

#include "ppsim/core/ids.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/metrics/report.hpp"

namespace ppsim {

/// What one rank does, as a program: "Recv activation of micro-batch 3 from rank 0 (2.5 MB)",
/// "Forward layers 21-40, micro-batch 3", "Send ...", one line a step, in its order: what an op needs is
/// received right before it, what it makes is sent right behind it; where sends and receives are part of the
/// program, each stands where the program has it.
[[nodiscard]] std::string rank_program(const OpGraph& graph, const Report& report, Rank rank);

}  // namespace ppsim
