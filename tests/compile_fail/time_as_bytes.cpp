// A time is no amount of bytes.
#include "ppsim/core/units.hpp"

namespace ppsim {

Bytes f(Time time) {
#ifdef WRONG
  return Bytes(time);
#else
  return Bytes(time.count());
#endif
}

}  // namespace ppsim
