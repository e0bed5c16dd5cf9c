// Bytes move at bytes a second, not at FLOPs a second.
#include "ppsim/core/units.hpp"

namespace ppsim {

Time f(Bytes bytes, BytesPerSecond link, FlopsPerSecond) {
#ifdef WRONG
  return bytes / FlopsPerSecond(1);
#else
  return bytes / link;
#endif
}

}  // namespace ppsim
