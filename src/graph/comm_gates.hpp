// Sends and receives that are part of the programs (Communication::Program), as gates of a graph.
#pragma once

#include <limits>
#include <span>

#include "graph/op_graph_data.hpp"

namespace ppsim {

inline constexpr EdgeId kNoEdge = std::numeric_limits<EdgeId>::max();

/// Where a graph has what a schedule names.
struct ProgramPlaces {
  std::span<const VertexId> vertex_behind;  ///< [ops] the compute op that stands before an op, or is it
  std::span<const EdgeId> forward_edges;    ///< [S][M] transfer behind F; kNoEdge: stays on the rank
  std::span<const EdgeId> gradient_edges;   ///< [S][M] transfer behind B or I
};

/// Adds the gates of all sends and receives to a graph that has its vertices and edges.
void add_gates(OpGraph::Data& data, const Schedule& schedule, ProgramStreams streams,
               const ProgramPlaces& places);

}  // namespace ppsim
