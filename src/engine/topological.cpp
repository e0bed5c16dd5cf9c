#include "topological.hpp"

#include "ppsim/engine/link_model.hpp"
#include "progress.hpp"

namespace ppsim {

Timeline run_topological(const OpGraph& graph) {
  struct Delay {
    Time latency;
    Time wire;
  };
  std::vector<Delay> delays;
  for (const TransferClass& transfer : graph.transfer_classes())
    delays.push_back({transfer.latency, transfer.wire});
  const auto move = [&](EdgeId, EdgeClass kind, Time now) {
    return Passage{now, now + delays[kind].wire, now + delays[kind].wire + delays[kind].latency};
  };
  Progress progress(graph);
  std::vector<VertexId> stack;
  stack.reserve(graph.vertex_count());
  const auto ready = [&](VertexId vertex) { stack.push_back(vertex); };
  progress.begin(ready);
  while (!stack.empty()) {
    const VertexId vertex = stack.back();
    stack.pop_back();
    progress.finish(vertex, move, ready);
  }
  return std::move(progress).take();
}

}  // namespace ppsim
