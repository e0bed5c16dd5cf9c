/// Percentiles by nearest rank: values that occurred.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "ppsim/core/error.hpp"

namespace ppsim {

/// The smallest of `values`, which must not be empty, that at least `percent` (1 to 100) of them do not
/// exceed. O(n).
template <class Value>
[[nodiscard]] Value nearest_rank(std::vector<Value> values, std::size_t percent) {
  PPSIM_ASSERT(!values.empty() && percent > 0 && percent <= 100, "a percentile of nothing");
  const auto at = values.begin() + static_cast<std::ptrdiff_t>((percent * values.size() + 99) / 100 - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace ppsim
