#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "ppsim/graph/op_graph.hpp"

namespace ppsim {
namespace {

// Everything that waits, as one graph: vertices, and where sends are part of the program transfers and gates
// too. Elsewhere a transfer is an edge and no node.
class WaitGraph {
 public:
  using Node = std::uint32_t;  // vertices, then transfers by EdgeId, then gates

  explicit WaitGraph(const OpGraph& graph)
      : graph_(graph),
        has_gates_(graph.communication() == Communication::Program),
        first_transfer_(graph.vertex_count()),
        first_gate_(first_transfer_ + (has_gates_ ? graph.edge_count() : 0)),
        nodes_(first_gate_ + static_cast<Node>(graph.gates().size())) {
    if (!has_gates_) return;
    source_.resize(graph.edge_count());
    for (VertexId v = 0; v < graph.vertex_count(); ++v) {
      for (EdgeId edge = graph.edge_arrays().out_begin[v]; edge < graph.edge_arrays().out_begin[v + 1];
           ++edge)
        source_[edge] = v;
    }
    before_.assign(graph.gates().size(), kNoGate);
    for (GateId gate = 0; gate < graph.gates().size(); ++gate) {
      if (const GateId next = graph.gates()[gate].next; next != kNoGate) before_[next] = gate;
    }
  }

  [[nodiscard]] Node size() const { return nodes_; }

  template <class Visit>
  void for_each_predecessor(Node node, Visit visit) const {
    if (node >= first_gate_) {
      const GateId gate = node - first_gate_;
      if (const VertexId behind = graph_.gates()[gate].behind; behind != kNoVertex) visit(behind);
      if (before_[gate] == kNoGate) return;
      for (const EdgeId edge : graph_.gate_edges(before_[gate])) visit(first_transfer_ + edge);
    } else if (node >= first_transfer_) {
      const EdgeId edge = node - first_transfer_;
      if (!is_node(edge)) return;
      visit(source_[edge]);
      for (const GateId gate : gates_of(edge)) visit(first_gate_ + gate);
    } else {
      for (EdgeId in = graph_.edge_arrays().in_begin[node]; in < graph_.edge_arrays().in_begin[node + 1];
           ++in) {
        const EdgeId edge = graph_.edge_arrays().in_edges[in];
        visit(is_node(edge) ? first_transfer_ + edge : graph_.edge_arrays().in_sources[in]);
      }
    }
  }

  template <class Visit>
  void for_each_successor(Node node, Visit visit) const {
    if (node >= first_gate_) {
      for (const EdgeId edge : graph_.gate_edges(node - first_gate_)) visit(first_transfer_ + edge);
    } else if (node >= first_transfer_) {
      const EdgeId edge = node - first_transfer_;
      if (!is_node(edge)) return;
      visit(graph_.edge_arrays().targets[edge]);
      for (const GateId gate : gates_of(edge)) {
        if (const GateId next = graph_.gates()[gate].next; next != kNoGate) visit(first_gate_ + next);
      }
    } else {
      for (EdgeId edge = graph_.edge_arrays().out_begin[node];
           edge < graph_.edge_arrays().out_begin[node + 1]; ++edge)
        visit(is_node(edge) ? first_transfer_ + edge : graph_.edge_arrays().targets[edge]);
      if (!has_gates_) return;
      const GateRange gates = graph_.gates_behind()[node];
      for (GateId gate = gates.begin; gate < gates.end; ++gate) visit(first_gate_ + gate);
    }
  }

  /// What the node is to a user; gates are none of his business.
  [[nodiscard]] bool is_action(Node node) const { return node < first_gate_; }
  [[nodiscard]] Waiting action(Node node) const {
    return node < first_transfer_ ? Waiting{false, node} : Waiting{true, node - first_transfer_};
  }

 private:
  [[nodiscard]] bool is_node(EdgeId edge) const { return has_gates_ && graph_.send_gates()[edge] != kNoGate; }
  [[nodiscard]] std::array<GateId, 2> gates_of(EdgeId edge) const {
    return {graph_.send_gates()[edge], graph_.receive_gates()[edge]};
  }

  const OpGraph& graph_;
  bool has_gates_;
  Node first_transfer_, first_gate_, nodes_;
  std::vector<VertexId> source_;  // [edges]
  std::vector<GateId> before_;    // [gates] on the stream
};

// True for what can never run: nodes on a cycle or behind one. Kahn's algorithm.
std::vector<bool> find_stuck(const WaitGraph& graph) {
  std::vector<std::uint32_t> waits(graph.size());
  std::vector<WaitGraph::Node> ready;
  for (WaitGraph::Node node = 0; node < graph.size(); ++node) {
    graph.for_each_predecessor(node, [&](WaitGraph::Node) { ++waits[node]; });
    if (waits[node] == 0) ready.push_back(node);
  }
  std::vector<bool> stuck(graph.size(), true);
  while (!ready.empty()) {
    const WaitGraph::Node node = ready.back();
    ready.pop_back();
    stuck[node] = false;
    graph.for_each_successor(node, [&](WaitGraph::Node next) {
      if (--waits[next] == 0) ready.push_back(next);
    });
  }
  return stuck;
}

// What is stuck waits for something stuck: the first of its predecessors that is.
WaitGraph::Node stuck_predecessor(const WaitGraph& graph, const std::vector<bool>& stuck,
                                  WaitGraph::Node node) {
  std::optional<WaitGraph::Node> found;
  graph.for_each_predecessor(node, [&](WaitGraph::Node before) {
    if (!found && stuck[before]) found = before;
  });
  if (!found) throw std::logic_error("an action waits for nothing");
  return *found;
}

}  // namespace

std::vector<Waiting> find_cycle(const OpGraph& op_graph) {
  const WaitGraph graph(op_graph);
  const std::vector<bool> stuck = find_stuck(graph);
  const auto first = std::find(stuck.begin(), stuck.end(), true);
  if (first == stuck.end()) return {};
  std::vector<WaitGraph::Node> path;
  std::vector<bool> seen(graph.size(), false);
  auto node = static_cast<WaitGraph::Node>(first - stuck.begin());
  while (!seen[node]) {
    seen[node] = true;
    path.push_back(node);
    node = stuck_predecessor(graph, stuck, node);
  }
  path.erase(path.begin(), std::find(path.begin(), path.end(), node));
  std::reverse(path.begin(), path.end());  // the path walks from waiter to waited-for
  std::rotate(path.begin(), std::min_element(path.begin(), path.end()), path.end());
  std::vector<Waiting> cycle;
  for (const WaitGraph::Node one : path) {
    if (graph.is_action(one)) cycle.push_back(graph.action(one));
  }
  return cycle;
}

DeadlockError make_deadlock_error(const OpGraph& graph, std::span<const Waiting> cycle) {
  std::vector<std::string> lines;
  for (const Waiting one : cycle)
    lines.push_back(one.is_transfer ? graph.describe_send(one.id) : graph.describe(one.id));
  return DeadlockError("schedule", std::move(lines));
}

}  // namespace ppsim
