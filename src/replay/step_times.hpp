/// When everything of one process' step ran.
#pragma once

#include <vector>

#include "ppsim/core/units.hpp"

namespace ppsim {

/// A rank's times in one step, on its own clock. By the numbers of its RankProgram.
struct StepTimes {
  std::vector<Time> start, finish;  ///< [vertices]
  std::vector<Time> departure;      ///< [sends] when its first byte moves
  std::vector<Time> arrival;        ///< [receives] when its last byte is here
};

}  // namespace ppsim
