// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Timeline: when everything ran. Simulated or measured: the same type.
#pragma once

#include <vector>

#include "ppsim/core/units.hpp"

namespace ppsim {

/// From `start` to `finish`.
struct Interval {
  Time start{};
  Time finish{};
};

/// Columns, no object per event. Vertices by VertexId, transfers by EdgeId (zero where the edge is no
/// transfer). Times count from the run's first start. A transfer's start is when its first byte moves: after
/// it waited for its links; its finish is its arrival, latency included.
struct Timeline {
  std::vector<Time> start;            ///< [vertices]
  std::vector<Time> finish;           ///< [vertices]
  std::vector<Time> transfer_start;   ///< [edges]
  std::vector<Time> transfer_finish;  ///< [edges]

  friend bool operator==(const Timeline&, const Timeline&) = default;
};

}  // namespace ppsim
