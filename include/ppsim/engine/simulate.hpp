// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// The engine: OpGraph -> Timeline.
#pragma once

#include <memory>
#include <span>

#include "ppsim/engine/contention.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"

namespace ppsim {

/// Runs the graph: by one topological pass where the contention model knows all times before the run, else by
/// events. O(V + E), with events O(V log P + E); where transfers have events of their own
/// O((V + E) log(V + E)), and what sharing costs. Throws DeadlockError (where: "schedule") with the cycle
/// where the graph cannot finish, Error (where: "/simulation/contention") where the model makes times too
/// long.
[[nodiscard]] Timeline simulate(const OpGraph& graph, Contention contention);

/// How long things take in one run, where that is not what the graph says.
struct RunTimes {
  std::span<const Time> durations{};      ///< [vertices]; empty: the graph's
  std::span<const Time> transmissions{};  ///< [edges] bytes / bandwidth of a transfer; empty: its class's
};

/// simulate() for who runs one graph again and again: what a run needs is allocated once, and a run allocates
/// no more than its links take. One thread at a time.
class Simulator {
 public:
  Simulator(OpGraph graph, Contention contention);
  Simulator(Simulator&&) noexcept;
  ~Simulator();

  /// Holds until the next run. Throws as simulate(); there is no other run after that.
  const Timeline& run(const RunTimes& times = {});

  /// The timeline of the last run.
  [[nodiscard]] Timeline take() &&;

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace ppsim
