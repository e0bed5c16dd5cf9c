// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Timelines as CSV.
#pragma once

#include <span>
#include <string>

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"

namespace ppsim {

/// One row an op or transfer: rank,stream,kind,stage,micro_batch,start_ns,finish_ns,bytes,peer; ascending by
/// start, then rank. Streams are compute, send, receive, collectives; a transfer has a row on the sender's
/// send stream and one on the receiver's receive stream, with the times of a trace, `peer` naming the other.
/// A pair gives two rows with the same times.
[[nodiscard]] std::string timeline_csv(const OpGraph& graph, const Timeline& timeline);

/// Of several steps, one after the other, a column `step` in front; of one step as above.
[[nodiscard]] std::string timeline_csv(const OpGraph& graph, std::span<const Timeline> steps);

}  // namespace ppsim
