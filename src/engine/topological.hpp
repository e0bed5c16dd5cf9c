// The engine where nothing is shared: every transfer is an edge's delay, and one pass in topological order
// does it all.
#pragma once

#include <vector>

#include "engine/progress.hpp"

namespace ppsim {

class TopologicalRun {
 public:
  /// Keeps a reference to the graph.
  explicit TopologicalRun(const OpGraph& graph);

  /// O(V + E). Throws DeadlockError with the cycle.
  const Timeline& run(const RunTimes& times);
  [[nodiscard]] Timeline take() && { return std::move(progress_).take(); }

 private:
  std::vector<Time> latencies_;  // by EdgeClass
  Progress progress_;
  std::vector<VertexId> stack_;  // what can finish
};

}  // namespace ppsim
