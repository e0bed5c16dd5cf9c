// Half of an odd number of bytes would be cut off silently.
#include "ppsim/core/units.hpp"

namespace ppsim {

Bytes f(Bytes bytes) {
#ifdef WRONG
  return bytes * 0.5;
#else
  return bytes / 2;
#endif
}

}  // namespace ppsim
