#include "ppsim/core/units.hpp"

#include <cmath>
#include <limits>

#include "core/int128.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {

Time operator/(Bytes bytes, BytesPerSecond rate) {
  PPSIM_ASSERT(bytes.count() >= 0 && rate.count() > 0,
               std::to_string(bytes.count()) + " B at " + std::to_string(rate.count()) + " B/s");
  const auto scaled = static_cast<UInt128>(bytes.count()) * 1'000'000'000U;
  const auto divisor = static_cast<UInt128>(rate.count());
  const auto rounded = (scaled + divisor / 2) / divisor;
  if (rounded > static_cast<UInt128>(Time::max().count())) return Time::max();
  return Time(static_cast<Time::rep>(rounded));
}

Time to_time(Seconds seconds) {
  const double nanoseconds = std::floor(seconds.count() * 1e9 + 0.5);
  // 2^63 is the first double past Time's range; the comparison is false for NaN as well.
  if (!(std::abs(nanoseconds) < 0x1p63)) throw Error("", "a duration does not fit 64-bit nanoseconds");
  return Time(static_cast<Time::rep>(nanoseconds));
}

Time round_to_time(double nanoseconds) {
  const double rounded = std::floor(nanoseconds + 0.5);
  return rounded < 0x1p63 ? Time(static_cast<Time::rep>(rounded)) : Time::max();
}

Time scaled(Time time, double factor) {
  return factor == 1 ? time : round_to_time(static_cast<double>(time.count()) * factor);
}

}  // namespace ppsim
