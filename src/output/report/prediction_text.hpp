/// A prediction against what was measured, as tables and as JSON.
#pragma once

#include <string>

#include "metrics/prediction.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/input/config/config.hpp"

namespace ppsim {

/// Where the two sides are from: files, or "simulated".
struct PredictionSources {
  std::string predicted, measured;
};

/// The figures side by side, what the difference of the steps is made of, and tables of steps, ops,
/// transfers, ranks, idle time by cause and of what is furthest off. `graph`: of both timelines.
[[nodiscard]] std::string prediction_table(const Prediction& prediction, const OpGraph& graph,
                                           const PredictionSources& sources);

/// One JSON object, two-space indent, newline at the end: "step", "breakdown_ns", "steps", "ops",
/// "transfers", "gaps" (those that have a length in either), "ranks", "idle_by_cause_ns", "worst". Errors are
/// fractions, null where nothing was measured.
[[nodiscard]] std::string prediction_json(const Prediction& prediction, const OpGraph& graph,
                                          const Config& config, const PredictionSources& sources);

}  // namespace ppsim
