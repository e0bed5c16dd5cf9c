// FLOPs are computed at FLOPs a second, not at bytes a second.
#include "ppsim/core/units.hpp"

namespace ppsim {

Seconds f(Flops flops, FlopsPerSecond gpu, BytesPerSecond) {
#ifdef WRONG
  return flops / BytesPerSecond(1);
#else
  return flops / gpu;
#endif
}

}  // namespace ppsim
