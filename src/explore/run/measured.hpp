/// Figures of steps that were measured.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ppsim/explore/run/run.hpp"
#include "ppsim/metrics/runs.hpp"

namespace ppsim {

/// The step of median makespan, by nearest rank, the first of several. Requires at least one.
[[nodiscard]] std::size_t median_step(std::span<const StepFigures> steps);

struct MeasuredRun {
  Run run;                          ///< median_step()
  std::optional<RunsReport> steps;  ///< where there are several
};

/// `steps`: at least one, of the plan's graph. `notes`: how they were measured, for the list of assumptions.
[[nodiscard]] MeasuredRun measure_steps(Plan plan, OpGraph graph, std::vector<Timeline> steps,
                                        const std::vector<std::string>& notes);

}  // namespace ppsim
