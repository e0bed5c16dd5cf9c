// The last steps of a graph whose vertices and edges stand.
#pragma once

#include <span>

#include "graph/op_graph_data.hpp"

namespace ppsim {

/// Times stay far from the end of 64 bits: no run can last longer than everything one after the other. Throws
/// Error (where: "") where all durations and `transfers` together pass 2^62 ns.
void check_total(const OpGraph::Data& data, std::span<const TransferClass> transfers);

/// Lists the edges by target, from those by source. A counting sort, stable, so that a vertex's in-edges come
/// by source. O(V + E).
void reverse_edges(OpGraph::Data& data);

}  // namespace ppsim
