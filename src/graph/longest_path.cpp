// The longest path, on Boost's topological sort and on nothing that the engines use.
#include <boost/graph/topological_sort.hpp>

#include <algorithm>
#include <iterator>

#include "graph/op_graph_data.hpp"

namespace ppsim {

Time longest_path(const OpGraph& graph) {
  PPSIM_ASSERT(graph.communication() == Communication::Overlap, "a held stream is no edge's delay");
  PPSIM_ASSERT(graph.leaders().empty(), "replicas that wait for one another are no edge");
  std::vector<std::pair<VertexId, VertexId>> edges;
  for (VertexId v = 0; v < graph.vertex_count(); ++v) {
    for (EdgeId e = graph.edge_arrays().out_begin[v]; e < graph.edge_arrays().out_begin[v + 1]; ++e)
      edges.emplace_back(v, graph.edge_arrays().targets[e]);
  }
  const CsrGraph csr(boost::edges_are_sorted, edges.begin(), edges.end(), graph.vertex_count());
  std::vector<VertexId> order;  // reversed
  boost::topological_sort(csr, std::back_inserter(order));
  std::vector<Time> tail(graph.vertex_count());  // longest path from a vertex's start to the end
  Time longest{};
  for (const VertexId vertex : order) {
    for (EdgeId e = graph.edge_arrays().out_begin[vertex]; e < graph.edge_arrays().out_begin[vertex + 1];
         ++e) {
      const EdgeClass kind = graph.edge_arrays().classes[e];
      Time delay = graph.durations()[vertex];
      if (is_transfer(kind))
        delay += graph.transfer_classes()[kind].latency + graph.transfer_classes()[kind].transmission;
      if (kind == kPartEdge) delay = graph.part_edge(e).of(delay);
      tail[vertex] = std::max(tail[vertex], delay + tail[graph.edge_arrays().targets[e]]);
    }
    tail[vertex] = std::max(tail[vertex], graph.durations()[vertex]);
    longest = std::max(longest, tail[vertex]);
  }
  return longest;
}

}  // namespace ppsim
