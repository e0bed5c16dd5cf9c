/// Chains of critical predecessors: what a rank waited for, back from the end of a gap.
#pragma once

#include <array>
#include <cstdint>
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

/// The predecessor that was there last, again and again: a forest over the vertices. Each vertex keeps the
/// sums of its chain from the root on, and a jump over many links, so that a gap costs O(log V) however long
/// the chain under it is (in `naive` every gap's chain runs through all ranks). O(V + E) once, for the chains
/// that are asked for.
///
/// A predecessor counts only if it started no later than its successor, so that starts never grow along a
/// chain; what a measurement says to have arrived after the start that waited for it is cut off there.
class IdleChains {
 public:
  /// Keeps references: both must outlive this.
  IdleChains(const OpGraph& graph, const Timeline& timeline);

  /// What the chain behind `vertex` did from `begin` to the vertex's start, which is later. Sums to that time
  /// exactly.
  [[nodiscard]] ChainTimes explain(VertexId vertex, Time begin);

  /// When `vertex` gives its compute stream back: at its finish, or when its last send has left where sends
  /// block.
  [[nodiscard]] Time released(VertexId vertex) const;

 private:
  struct Link {
    VertexId previous;        ///< the critical predecessor; none: the chain begins here
    EdgeId edge;              ///< from it
    VertexId jump;            ///< an ancestor, far or near: skew-binary jump pointers (Myers 1983)
    std::uint32_t depth = 0;  ///< vertices of the chain, this one included; 0: not looked at yet
  };

  [[nodiscard]] Link critical_link(VertexId vertex) const;
  [[nodiscard]] Time arrival(VertexId source, EdgeId edge, VertexId target) const;
  [[nodiscard]] ChainTimes times_of_link(VertexId vertex, Time from) const;
  void follow(VertexId vertex);
  void attach(VertexId vertex);

  const OpGraph& graph_;
  const Timeline& timeline_;
  bool blocking_;
  std::span<const EdgeId> in_begin_, in_edges_, out_begin_;
  std::span<const VertexId> in_sources_;
  std::span<const EdgeClass> classes_;
  std::span<const TransferClass> transfers_;
  std::vector<Link> links_;       ///< [vertices]
  std::vector<ChainTimes> sums_;  ///< [vertices] of the whole chain behind the vertex
  std::vector<VertexId> path_;    ///< follow()'s stack, kept for its memory
};

}  // namespace ppsim
