/// Chains of critical predecessors: what a rank waited for, back from the end of a gap.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"

namespace ppsim {

/// What a chain does at a time. Whether computing means warm-up or cool-down depends on the gap, not on the
/// chain.
enum class ChainPart : std::uint8_t {
  Computing,
  Contention,
  Latency,
  Bandwidth,
  Blocked,
  Tail,
  Unexplained,  ///< measured timelines: every predecessor was there, and still nothing ran
};
inline constexpr std::size_t kChainParts = 7;
using ChainTimes = std::array<Time, kChainParts>;  ///< by ChainPart

/// A vertex's critical predecessor: the one that was there last.
struct CriticalLink {
  VertexId source = kNoVertex;  ///< none: a chain begins here
  EdgeId edge = 0;              ///< from it
};

/// The links of which chains are made. A predecessor counts only if it started no later than its successor,
/// so that starts never grow along a chain; what a measurement says to have arrived after the start that
/// waited for it is cut off there.
class CriticalLinks {
 public:
  /// Keeps references: all must outlive this. `tails`: [vertices] what runs once a step.
  CriticalLinks(const OpGraph& graph, const Timeline& timeline, const std::vector<bool>& tails);

  /// O(in-degree).
  [[nodiscard]] CriticalLink find(VertexId vertex) const;

  /// Adds what happened between the starts of the link's source and of `vertex`, no earlier than `from`.
  void add_times(ChainTimes& times, VertexId vertex, CriticalLink link, Time from) const;

  /// When `vertex` gives its compute stream back: at its finish, or when its last send has left where sends
  /// block.
  [[nodiscard]] Time released(VertexId vertex) const;

  [[nodiscard]] Time start(VertexId vertex) const { return timeline_.start[vertex]; }

 private:
  [[nodiscard]] Time arrival(const GraphEdge& edge) const;

  const OpGraph& graph_;
  const Timeline& timeline_;
  const std::vector<bool>& tails_;
  bool blocking_;
  std::vector<Time> turns_;  ///< [edges] where sends are part of the program, else empty
  std::span<const TransferClass> transfers_;
};

}  // namespace ppsim
