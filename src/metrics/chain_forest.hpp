/// Long chains in few steps.
#pragma once

#include <cstdint>
#include <vector>

#include "metrics/critical_links.hpp"

namespace ppsim {

/// Critical links form a forest over the vertices. Each vertex keeps the sums of its chain from the root on,
/// and a jump over many links: a gap then costs O(log V) however long the chain under it is. In `naive` every
/// gap's chain runs through all ranks, and walking it would cost O(P) a gap. Vertices are added as they are
/// asked for, O(1) each.
class ChainForest {
 public:
  /// Keeps a reference, which must outlive this.
  ChainForest(const CriticalLinks& links, std::uint32_t vertices);

  /// Adds what the chain behind `vertex` did from `begin` to the vertex's start.
  void add_times(ChainTimes& times, VertexId vertex, Time begin);

 private:
  /// Starts stand beside the ids, so that a search step reads one cache line.
  struct Node {
    CriticalLink link;
    VertexId jump;            ///< an ancestor, far or near: skew-binary jump pointers (Myers 1983)
    std::uint32_t depth = 0;  ///< vertices of the chain, this one included; 0: not added yet
    Time previous_start{};    ///< of link.source
    Time jump_start{};
  };

  void add_chain(VertexId vertex);
  void add(VertexId vertex);
  [[nodiscard]] VertexId last_after(Time begin, VertexId vertex) const;

  const CriticalLinks& links_;
  std::vector<Node> nodes_;       ///< [vertices]
  std::vector<ChainTimes> sums_;  ///< [vertices] from the root's start to the vertex's
  std::vector<VertexId> path_;    ///< add_chain()'s stack, kept for its memory
};

}  // namespace ppsim
