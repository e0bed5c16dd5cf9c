// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// One run: config -> workload -> schedule -> graph -> timeline -> figures. The way through the house, in one
/// place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ppsim/core/error.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/input/config/config.hpp"
#include "ppsim/metrics/bubbles.hpp"
#include "ppsim/metrics/memory.hpp"
#include "ppsim/metrics/report.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// A schedule with the costs of its stages: what a run simulates.
struct Plan {
  Workload workload;
  Schedule schedule;
  std::vector<std::string> notes;  ///< lines that the user should see
};

/// The stages and slices that the config's schedule runs. Throws Error where `virtual_stages` is given and
/// does not fit, and for a schedule file, which knows its own stages.
[[nodiscard]] CostGranularity own_granularity(const Config& config);

/// Makes or reads the schedule, and the costs of its stages; the schedule's order is legal. Costs given
/// outright are those of the stages and slices of `given` (empty: of those that the schedule has). Errors
/// say where in the config's files.
[[nodiscard]] Plan make_plan(const Config& config, std::optional<CostGranularity> given = {});

struct Run {
  Plan plan;
  OpGraph graph;                    ///< of all replicas in step
  std::optional<OpGraph> replicas;  ///< Detail::Full: each replica by itself
  Timeline timeline;                ///< of `graph`; with Detail::Full that of the replica that ends last
  std::vector<RankMemory> memory;
  Report report;

  /// The graph that the engine ran.
  [[nodiscard]] const OpGraph& simulated() const { return replicas ? *replicas : graph; }
};

/// Lowers the plan's schedule as the config's simulation says, all replicas in step. Errors say where in the
/// config's files.
[[nodiscard]] OpGraph make_graph(const Config& config, const Plan& plan);

/// Takes the figures off a timeline of the plan's graph, simulated or measured.
[[nodiscard]] Run measure(Plan plan, OpGraph graph, Timeline timeline);

/// The cycle of a run that cannot end, with where the config has its schedule.
[[nodiscard]] DeadlockError deadlock_in(const Config& config, const DeadlockError& deadlock);

/// Seconds spent in each phase of a run; `config` and `output` are the caller's.
struct PhaseSeconds {
  double config = 0, schedule = 0, graph = 0, engine = 0, metrics = 0, output = 0;

  PhaseSeconds& operator+=(const PhaseSeconds& other);
};

/// Simulates a plan and measures the timeline. Adds to `seconds`, where they are asked for. Throws
/// DeadlockError for a run that cannot end.
[[nodiscard]] Run run(const Config& config, Plan plan, PhaseSeconds* seconds = nullptr);

/// Makes the config's plan and runs it.
[[nodiscard]] Run run(const Config& config);

}  // namespace ppsim
