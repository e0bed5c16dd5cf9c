/// Wall-clock time of our own phases, for --timing. Never an input to a result.
#pragma once

#include <chrono>

namespace ppsim {

class Stopwatch {
 public:
  /// Seconds since the start or the last lap, and starts the next.
  double lap() {
    const auto now = Clock::now();
    const std::chrono::duration<double> passed = now - begin_;
    begin_ = now;
    return passed.count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin_ = Clock::now();
};

}  // namespace ppsim
