/// Collectives of a run: how long they take alone, and what they put on links.
#pragma once

#include "model/collectives/run_groups.hpp"
#include "ppsim/model/collectives/collectives.hpp"

namespace ppsim {

/// Of some collectives, one after the other.
struct CollectiveCost {
  Seconds time{};
  double count = 0;  ///< how many
  CollectiveBytes bytes{};

  CollectiveCost& operator+=(const CollectiveCost& other);
  friend CollectiveCost operator+(CollectiveCost a, const CollectiveCost& b) { return a += b; }
  friend CollectiveCost operator*(double times, const CollectiveCost& cost);
};

/// Those of one run's groups, by its algorithm.
class Collectives {
 public:
  /// `overhead`: of each collective, on top of what its bytes and steps take.
  Collectives(const RunGroups& groups, CollectiveAlgorithm algorithm, Seconds overhead)
      : groups_(groups), algorithm_(algorithm), overhead_(overhead) {}

  [[nodiscard]] CollectiveCost all_reduce(GroupKind kind, Bytes bytes) const;
  [[nodiscard]] CollectiveCost reduce_scatter(GroupKind kind, Bytes bytes) const;
  [[nodiscard]] CollectiveCost all_gather(GroupKind kind, Bytes bytes) const;
  [[nodiscard]] CollectiveCost all_to_all(GroupKind kind, Bytes bytes) const;
  [[nodiscard]] CollectiveCost ring_send(GroupKind kind, Bytes bytes) const;

 private:
  const RunGroups& groups_;
  CollectiveAlgorithm algorithm_;
  Seconds overhead_;

  [[nodiscard]] CollectiveCost cost_of(GroupKind kind, Seconds time, PortBytes bytes) const;
};

}  // namespace ppsim
