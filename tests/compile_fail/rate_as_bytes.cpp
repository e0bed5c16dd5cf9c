// A rate is no amount.
#include "ppsim/core/units.hpp"

namespace ppsim {

Bytes f(BytesPerSecond rate) {
#ifdef WRONG
  return rate;
#else
  return Bytes(rate.count());
#endif
}

}  // namespace ppsim
