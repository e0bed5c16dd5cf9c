// Bytes and bytes a second do not add.
#include "ppsim/core/units.hpp"

namespace ppsim {

Bytes f(Bytes bytes, BytesPerSecond rate) {
#ifdef WRONG
  return bytes + rate;
#else
  return bytes + Bytes(rate.count());
#endif
}

}  // namespace ppsim
