#include <fmt/format.h>

#include <algorithm>

#include "ppsim/graph/op_graph.hpp"

namespace ppsim {
namespace {

// True for what can never run: vertices on a cycle or behind one. Kahn's algorithm.
std::vector<bool> find_stuck(const OpGraph& graph) {
  const auto in_begin = graph.in_begin();
  std::vector<std::uint32_t> waits(graph.vertex_count());
  std::vector<VertexId> ready;
  for (VertexId v = 0; v < graph.vertex_count(); ++v) {
    waits[v] = in_begin[v + 1] - in_begin[v];
    if (waits[v] == 0) ready.push_back(v);
  }
  std::vector<bool> stuck(graph.vertex_count(), true);
  while (!ready.empty()) {
    const VertexId vertex = ready.back();
    ready.pop_back();
    stuck[vertex] = false;
    for (EdgeId edge = graph.out_begin()[vertex]; edge < graph.out_begin()[vertex + 1]; ++edge) {
      if (--waits[graph.targets()[edge]] == 0) ready.push_back(graph.targets()[edge]);
    }
  }
  return stuck;
}

// What is stuck waits for something stuck: the first of its predecessors that is.
VertexId stuck_predecessor(const OpGraph& graph, const std::vector<bool>& stuck, VertexId vertex) {
  for (EdgeId in = graph.in_begin()[vertex]; in < graph.in_begin()[vertex + 1]; ++in) {
    if (stuck[graph.in_sources()[in]]) return graph.in_sources()[in];
  }
  throw std::logic_error("a vertex waits for nothing");
}

}  // namespace

std::vector<VertexId> find_cycle(const OpGraph& graph) {
  const std::vector<bool> stuck = find_stuck(graph);
  const auto first = std::find(stuck.begin(), stuck.end(), true);
  if (first == stuck.end()) return {};
  std::vector<VertexId> path;
  std::vector<bool> seen(graph.vertex_count(), false);
  VertexId vertex = static_cast<VertexId>(first - stuck.begin());
  while (!seen[vertex]) {
    seen[vertex] = true;
    path.push_back(vertex);
    vertex = stuck_predecessor(graph, stuck, vertex);
  }
  std::vector<VertexId> cycle(std::find(path.begin(), path.end(), vertex), path.end());
  std::reverse(cycle.begin(), cycle.end());  // the path walks from waiter to waited-for
  std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
  return cycle;
}

DeadlockError make_deadlock_error(const OpGraph& graph, std::span<const VertexId> cycle) {
  std::vector<std::string> lines;
  for (const VertexId vertex : cycle) lines.push_back(graph.describe(vertex));
  return DeadlockError("schedule", std::move(lines));
}

}  // namespace ppsim
