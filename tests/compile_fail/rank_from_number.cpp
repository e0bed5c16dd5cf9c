// A number becomes a rank only where that is said.
#include "ppsim/core/ids.hpp"

namespace ppsim {

Rank f() {
#ifdef WRONG
  return 3;
#else
  return Rank{3};
#endif
}

}  // namespace ppsim
