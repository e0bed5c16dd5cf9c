// What an OpGraph holds. Only the files of src/graph name Boost.
#pragma once

#include <boost/graph/compressed_sparse_row_graph.hpp>

#include <vector>

#include "ppsim/graph/op_graph.hpp"

namespace ppsim {

/// 32-bit vertices and edges: half of Boost's default. Its arrays (public members) are what the spans show.
using CsrGraph = boost::compressed_sparse_row_graph<boost::directedS, boost::no_property, boost::no_property,
                                                    boost::no_property, VertexId, EdgeId>;

struct OpGraph::Data {
  CsrGraph csr;
  std::vector<EdgeClass> edge_classes;  ///< [edges]

  // The same edges by target. Our own: Boost's two-way graph takes unsorted edges only, and sorts them twice.
  std::vector<EdgeId> in_begin;      ///< [vertices + 1]
  std::vector<VertexId> in_sources;  ///< [edges]
  std::vector<EdgeId> in_edges;      ///< [edges]

  std::vector<Op> ops;                   ///< all actions' ops, in vertex order
  std::vector<std::uint32_t> op_begin;   ///< [vertices + 1]; empty where every action is one op
  std::vector<Time> durations;           ///< [vertices]
  std::vector<VertexId> rank_begin;      ///< [P + 1]
  std::vector<VertexId> side_begin;      ///< [P]
  std::vector<TransferClass> transfers;  ///< by EdgeClass
  std::vector<CopyEdge> copies;          ///< by edge
  std::vector<PartEdge> part_edges;      ///< by edge

  // Several replicas.
  std::vector<VertexId> leaders;  ///< [vertices]
  std::uint32_t replica_size = 0;

  // Where collectives share links.
  std::vector<CollectiveClass> collective_classes;
  std::vector<std::uint32_t> collectives;  ///< [vertices]
  std::vector<Time> collective_times;      ///< [vertices]

  // Communication::Program.
  std::vector<Gate> gates;
  std::vector<GateRange> gates_behind;    ///< [vertices]
  std::vector<std::uint32_t> gate_begin;  ///< [gates + 1] into gate_edges
  std::vector<EdgeId> gate_edges;
  std::vector<GateId> send_gates;     ///< [edges]
  std::vector<GateId> receive_gates;  ///< [edges]
  std::vector<CommAction> sends;      ///< [edges]

  std::uint32_t link_count = 0;
  Communication communication = Communication::Overlap;
};

/// The graph of build_graph().
[[nodiscard]] OpGraph::Data make_graph_data(const Schedule& schedule, const Workload& workload,
                                            Communication communication, ProgramStreams streams,
                                            const LinkSharing& links);

}  // namespace ppsim
