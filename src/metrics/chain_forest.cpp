#include "metrics/chain_forest.hpp"

namespace ppsim {

ChainForest::ChainForest(const CriticalLinks& links, std::uint32_t vertices)
    : links_(links), nodes_(vertices), sums_(vertices) {}

void ChainForest::add(VertexId vertex) {
  Node& node = nodes_[vertex];
  if (node.link.source == kNoVertex) {
    node.depth = 1;
    node.jump = vertex;
    node.jump_start = links_.start(vertex);
    return;
  }
  const Node& previous = nodes_[node.link.source];
  const Node& jump = nodes_[previous.jump];
  const bool equal_jumps = previous.depth - jump.depth == jump.depth - nodes_[jump.jump].depth;
  node.depth = previous.depth + 1;
  node.jump = equal_jumps ? jump.jump : node.link.source;
  node.previous_start = links_.start(node.link.source);
  node.jump_start = links_.start(node.jump);
  sums_[vertex] = sums_[node.link.source];
  links_.add_times(sums_[vertex], vertex, node.link, node.previous_start);
}

void ChainForest::add_chain(VertexId vertex) {
  for (VertexId v = vertex; v != kNoVertex && nodes_[v].depth == 0; v = nodes_[v].link.source) {
    nodes_[v].link = links_.find(v);
    path_.push_back(v);
  }
  for (; !path_.empty(); path_.pop_back()) add(path_.back());
}

/// The vertex of the chain that starts first after `begin`.
VertexId ChainForest::last_after(Time begin, VertexId vertex) const {
  for (;;) {
    const Node& node = nodes_[vertex];
    if (node.link.source == kNoVertex || node.previous_start <= begin) return vertex;
    vertex = node.jump_start > begin ? node.jump : node.link.source;
  }
}

void ChainForest::add_times(ChainTimes& times, VertexId vertex, Time begin) {
  add_chain(vertex);
  const VertexId first = last_after(begin, vertex);
  links_.add_times(times, first, nodes_[first].link, begin);
  for (std::size_t part = 0; part < kChainParts; ++part)
    times[part] += sums_[vertex][part] - sums_[first][part];
}

}  // namespace ppsim
