// A rank and a stage do not compare.
#include "ppsim/core/ids.hpp"

namespace ppsim {

bool f(Rank rank, Stage stage) {
#ifdef WRONG
  return rank == stage;
#else
  return index(rank) == index(stage);
#endif
}

}  // namespace ppsim
