/// Ticks of a logarithmic axis at round values.
#pragma once

#include <string>
#include <vector>

namespace ppsim {

struct LogTick {
  double at = 0;
  std::string label;  ///< "0.5", "20000", "1e9"
};

/// From `least` to `most`, ascending: 1, 2 and 5 times powers of ten; over more than three decades powers of
/// ten alone, every few of them where there are many; over less than a factor of 5 round values equally far
/// apart. At most 13. Requires 0 < least < most, finite.
[[nodiscard]] std::vector<LogTick> log_ticks(double least, double most);

}  // namespace ppsim
