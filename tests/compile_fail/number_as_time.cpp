// A plain number is no time.
#include "ppsim/core/units.hpp"

namespace ppsim {

Time f() {
#ifdef WRONG
  return 5;
#else
  return Time(5);
#endif
}

}  // namespace ppsim
