/// A prediction beside what was measured.
#pragma once

#include <string>
#include <vector>

#include "metrics/prediction.hpp"
#include "ppsim/explore/run/run.hpp"
#include "ppsim/input/config/config.hpp"

namespace ppsim {

struct RunComparison {
  Run predicted;
  Run measured;  ///< the step of median makespan
  Prediction prediction;
};

/// `steps`: at least one, of the predicted run's graph; `source` names where they are from. Throws Error
/// (where: `source`) where their durations together pass 2^61 ns.
[[nodiscard]] RunComparison compare_runs(const Config& config, Run predicted, std::vector<Timeline> steps,
                                         const std::string& source);

}  // namespace ppsim
