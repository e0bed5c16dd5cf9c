// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Timelines read from CSV.
#pragma once

#include <string>
#include <vector>

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"

namespace ppsim {

/// What timeline_csv() of output/trace wrote, packed or not, or another program in its form; at least one
/// step. Within a step rows may stand in any order, but for ops that only their order tells apart (reductions
/// of several optimizer steps). Throws Error (where: "FILE, line 7", or "FILE" for what is missing): not such
/// a file; an op or a transfer that the graph does not have, or has once and the file twice, or that the file
/// lacks; times out of order, or ops in another order than the graph's programs. O(n log n).
[[nodiscard]] std::vector<Timeline> read_timeline(const std::string& path, const OpGraph& graph);

/// Throws Error (where: `source`) where a rank's ops do not start in the order of its program: the timeline
/// is of another schedule.
void check_program_order(const OpGraph& graph, const Timeline& timeline, const std::string& source);

}  // namespace ppsim
