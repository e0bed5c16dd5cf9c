// Bytes become a number only where that is said.
#include "ppsim/core/units.hpp"

namespace ppsim {

long f(Bytes bytes) {
#ifdef WRONG
  return bytes;
#else
  return bytes.count();
#endif
}

}  // namespace ppsim
