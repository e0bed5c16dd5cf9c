/// Figures of steps that were measured.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ppsim/explore/run.hpp"
#include "ppsim/metrics/runs.hpp"

namespace ppsim {

struct MeasuredRun {
  Run run;                          ///< the step of median makespan (by nearest rank, the first of several)
  std::optional<RunsReport> steps;  ///< where there are several
};

/// `steps`: at least one, of the plan's graph. `notes`: how they were measured, for the list of assumptions.
[[nodiscard]] MeasuredRun measure_steps(Plan plan, OpGraph graph, std::vector<Timeline> steps,
                                        const std::vector<std::string>& notes);

}  // namespace ppsim
