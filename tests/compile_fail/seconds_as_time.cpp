// Fractional seconds are rounded in one place, to_time().
#include "ppsim/core/units.hpp"

namespace ppsim {

Time f(Seconds seconds) {
#ifdef WRONG
  return seconds;
#else
  return to_time(seconds);
#endif
}

}  // namespace ppsim
