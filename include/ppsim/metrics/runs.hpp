// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Many runs of one step that differ by chance, as figures.
#pragma once

#include <cstdint>
#include <span>

#include "ppsim/core/units.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"

namespace ppsim {

/// The figures of a run that need no causes.
struct StepFigures {
  Time makespan{};
  double bubble_fraction = 0;

  friend bool operator==(const StepFigures&, const StepFigures&) = default;
};

/// As measure_bubbles() has them (tested). O(V).
[[nodiscard]] StepFigures measure_step(const OpGraph& graph, const Timeline& timeline);

/// Percentiles by nearest rank: the p-th of n values is the ceil(p n / 100)-th, ascending; so each is a value
/// that occurred.
template <class Number>
struct Summary {
  Number p50{}, p95{}, p99{}, mean{}, min{}, max{};

  friend bool operator==(const Summary&, const Summary&) = default;
};

struct RunsReport {
  std::uint32_t count = 0;
  Summary<Time> step_time;  ///< the mean rounded half up
  Summary<double> bubble_fraction;
  bool measured = false;  ///< the steps of a replay, not runs of a simulation

  friend bool operator==(const RunsReport&, const RunsReport&) = default;
};

/// Requires at least one run. `steps`: optimizer steps that each takes. O(n log n).
[[nodiscard]] RunsReport summarize(std::span<const StepFigures> runs, std::uint32_t steps);

}  // namespace ppsim
