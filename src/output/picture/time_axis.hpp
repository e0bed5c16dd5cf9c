/// Ticks of a time axis at round values.
#pragma once

#include <string>
#include <vector>

#include "ppsim/core/units.hpp"

namespace ppsim {

struct TimeAxis {
  struct Tick {
    Time at{};
    std::string label;  ///< number alone: "2.5"
  };

  std::string unit;         ///< "ms"
  std::vector<Tick> ticks;  ///< from 0, 1, 2 or 5 times a power of ten apart
};

/// At most `most` + 1 ticks over 0 .. `end`.
[[nodiscard]] TimeAxis make_time_axis(Time end, std::size_t most);

}  // namespace ppsim
