#include "engine/topological.hpp"

#include "engine/link_model.hpp"

namespace ppsim {

TopologicalRun::TopologicalRun(const OpGraph& graph) : progress_(graph) {
  for (const TransferClass& transfer : graph.transfer_classes()) latencies_.push_back(transfer.latency);
  stack_.reserve(graph.vertex_count());
}

const Timeline& TopologicalRun::run(const RunTimes& times) {
  const auto move = [&](EdgeId, EdgeClass kind, Time transmission, Time now) {
    return TransferTimes{now, now + transmission, now + transmission + latencies_[kind]};
  };
  const auto ready = [&](VertexId vertex) { stack_.push_back(vertex); };
  progress_.restart(times);
  progress_.begin(ready);
  while (!stack_.empty()) {
    const VertexId vertex = stack_.back();
    stack_.pop_back();
    progress_.finish(vertex, move, ready);
  }
  return progress_.timeline();
}

}  // namespace ppsim
