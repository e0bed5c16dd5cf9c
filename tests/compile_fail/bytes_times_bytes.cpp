// There are no square bytes.
#include "ppsim/core/units.hpp"

namespace ppsim {

Bytes f(Bytes bytes) {
#ifdef WRONG
  return bytes * bytes;
#else
  return bytes * 2;
#endif
}

}  // namespace ppsim
