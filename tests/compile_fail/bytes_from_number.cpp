// A number becomes bytes only where that is said.
#include "ppsim/core/units.hpp"

namespace ppsim {

Bytes f() {
#ifdef WRONG
  return 1;
#else
  return Bytes(1);
#endif
}

}  // namespace ppsim
