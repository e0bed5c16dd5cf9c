// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Timelines as pictures for a terminal.
#pragma once

#include <cstddef>
#include <string>

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"

namespace ppsim {

/// The picture of one run for a terminal: one row a rank, at most `width` columns wide, time scaled to fit.
/// Coloured or plain.
[[nodiscard]] std::string timeline_text(const OpGraph& graph, const Timeline& timeline, std::size_t width,
                                        bool color);

}  // namespace ppsim
