// A plain number has no unit, and adds to none.
#include "ppsim/core/units.hpp"

namespace ppsim {

Bytes f(Bytes bytes) {
#ifdef WRONG
  return bytes + 1;
#else
  return bytes + Bytes(1);
#endif
}

}  // namespace ppsim
