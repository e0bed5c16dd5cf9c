// Ranks are names: the next one is not rank + 1 unless the placement says so.
#include "ppsim/core/ids.hpp"

namespace ppsim {

Rank f(Rank rank) {
#ifdef WRONG
  return rank + 1;
#else
  return static_cast<Rank>(index(rank) + 1);
#endif
}

}  // namespace ppsim
