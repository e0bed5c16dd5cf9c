// A rank indexes arrays through index() alone.
#include "ppsim/core/ids.hpp"

namespace ppsim {

std::size_t f(Rank rank) {
#ifdef WRONG
  return rank;
#else
  return index(rank);
#endif
}

}  // namespace ppsim
