// Bytes and FLOPs do not compare.
#include "ppsim/core/units.hpp"

namespace ppsim {

bool f(Bytes bytes, Flops flops) {
#ifdef WRONG
  return bytes < flops;
#else
  return bytes < Bytes(1) && Flops(1) < flops;
#endif
}

}  // namespace ppsim
