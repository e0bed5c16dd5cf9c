/// How long matrix products and copies take while all ranks are at it.
#pragma once

#include <vector>

#include "replay/bench/probe.hpp"

namespace ppsim {

struct ProductSamples {
  ProductShape shape;                    ///< as measured; smaller than asked for where the probe says so
  std::vector<std::vector<Time>> times;  ///< [ranks][repeats]
};

/// All ranks call it with the same shapes; each rank multiplies at the same time, since cores share caches
/// and memory. On rank 0 a sample for each shape, ascending, those that the probe makes equal once; elsewhere
/// none. `seconds`: about how long all of it lasts.
[[nodiscard]] std::vector<ProductSamples> measure_products(Group& group, Probe& probe,
                                                           const std::vector<ProductShape>& shapes,
                                                           Time seconds);

/// Bytes read and written in a second by a copy, on each rank [P] while all copy; on rank 0, elsewhere empty.
[[nodiscard]] std::vector<BytesPerSecond> measure_copies(Group& group, Probe& probe, Time seconds);

}  // namespace ppsim
