/// One rank's time, from the run's begin to its end, cut into busy time and causes of idling.
#pragma once

#include "metrics/idle_chains.hpp"
#include "metrics/run_bounds.hpp"
#include "ppsim/metrics/bubbles.hpp"

namespace ppsim {

/// step() the rank's vertices in program order, then finish(). A step is the gap in front of the vertex, then
/// the vertex.
class RankWalk {
 public:
  /// Keeps references: all must outlive this.
  RankWalk(const Timeline& timeline, const RunBounds& run, const RankRamps& ramps, const CriticalLinks& links,
           IdleChains& chains)
      : timeline_(timeline), run_(run), ramps_(ramps), links_(links), chains_(chains), at_(run.begin) {}

  void step(VertexId vertex) {
    wait_for(vertex);
    run(vertex);
  }
  void wait_for(VertexId vertex);
  void run(VertexId vertex);
  [[nodiscard]] const std::array<Time, kIdleCauses>& causes() const { return bubbles_.idle_by_cause; }
  [[nodiscard]] RankBubbles finish();

 private:
  Time& cause(IdleCause cause) { return bubbles_.idle_by_cause[static_cast<std::size_t>(cause)]; }
  void advance(IdleCause why, Time until);
  void add_hold(Time limit);
  void add_gap(VertexId vertex);
  void add_end();
  [[nodiscard]] IdleCause computing_cause(Time begin, Time end) const;

  const Timeline& timeline_;
  const RunBounds& run_;
  const RankRamps& ramps_;
  const CriticalLinks& links_;
  IdleChains& chains_;
  Time at_;                           ///< everything before it has its cause
  VertexId last_vertex_ = kNoVertex;  ///< of the last step
  Time first_start_{};
  RankBubbles bubbles_;
};

}  // namespace ppsim
