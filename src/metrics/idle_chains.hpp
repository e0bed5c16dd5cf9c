/// What a gap waited for.
#pragma once

#include <cstdint>
#include <optional>

#include "metrics/chain_forest.hpp"
#include "metrics/critical_links.hpp"

namespace ppsim {

/// Walks the links under a gap as long as all walks together are no longer than the graph: 1F1B walks half of
/// that, most schedules less. Then a forest over all vertices, which costs about as much, takes over. So O(V
/// + E) for all gaps together, and O(log V) a gap.
class IdleChains {
 public:
  /// Keeps a reference, which must outlive this.
  IdleChains(const CriticalLinks& links, std::uint32_t vertices)
      : links_(links), vertices_(vertices), walks_left_(vertices) {}

  /// What the chain behind `vertex` did from `begin` to the vertex's start, which is later. Sums to that time
  /// exactly.
  [[nodiscard]] ChainTimes explain(VertexId vertex, Time begin);

 private:
  const CriticalLinks& links_;
  std::uint32_t vertices_;
  std::uint32_t walks_left_;
  std::optional<ChainForest> forest_;
};

}  // namespace ppsim
