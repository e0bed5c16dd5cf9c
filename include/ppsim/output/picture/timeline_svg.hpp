// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Timelines as pictures.
#pragma once

#include <span>
#include <string>

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/metrics/report.hpp"
#include "ppsim/output/shown_run.hpp"

namespace ppsim {

/// The timeline as papers draw it: a row a rank, numbered boxes, forward and backward in their colours
/// (chunks in shades), a time axis, a legend, the figures in the title, at most 1600 pixels wide. Boxes too
/// narrow for their numbers go without; ops too narrow to be seen are merged into columns that show each
/// kind's share of the time, so that half a million ops stay below 2 MB.
[[nodiscard]] std::string timeline_svg(const OpGraph& graph, const Timeline& timeline, const Report& report);

/// Several runs of one shape, one above the other on the same scale. Requires one at least.
[[nodiscard]] std::string timelines_svg(std::span<const ShownRun> runs);

}  // namespace ppsim
