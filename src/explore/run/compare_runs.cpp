#include "explore/run/compare_runs.hpp"

#include <utility>

#include "core/int128.hpp"
#include "explore/run/measured.hpp"
#include "explore/run/plan.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/engine/simulate.hpp"

namespace ppsim {
namespace {

void check_sum(const std::vector<Time>& durations, const std::string& source) {
  Int128 sum = 0;
  for (const Time duration : durations) sum += duration.count();
  if (sum > kMostTime.count())
    throw Error(source, "the durations of a step's ops together pass 2^61 ns (73 years): expected less");
}

// The makespan of what the run simulates, with these durations in each replica.
Time makespan_with(const Config& config, const Run& run, const std::vector<Time>& durations) {
  std::vector<Time> all;
  while (all.size() < run.simulated().vertex_count())
    all.insert(all.end(), durations.begin(), durations.end());
  Simulator simulator(run.simulated(), config.simulation.contention);
  try {
    const Timeline& timeline =
        located(config, [&]() -> const Timeline& { return simulator.run({.durations = all}); });
    const bool folded = run.simulated().leaders().empty();
    return measure_step(run.graph, folded ? timeline : last_replica(run.simulated(), timeline)).makespan;
  } catch (const DeadlockError& deadlock) {
    throw deadlock_in(config, deadlock);
  }
}

StepBreakdown break_down(const Config& config, const Run& predicted, const Timeline& step) {
  StepBreakdown breakdown;
  breakdown.predicted = predicted.report.makespan;
  breakdown.mean_costs = makespan_with(config, predicted, mean_durations_of(predicted.graph, step));
  breakdown.own_costs = makespan_with(config, predicted, durations_of(step));
  breakdown.measured = measure_step(predicted.graph, step).makespan;
  return breakdown;
}

}  // namespace

RunComparison compare_runs(const Config& config, Run predicted, std::vector<Timeline> steps,
                           const std::string& source) {
  Prediction prediction;
  for (const Timeline& step : steps) {
    check_sum(durations_of(step), source);
    prediction.steps.push_back(measure_step(predicted.graph, step));
  }
  prediction.shown = median_step(prediction.steps);
  prediction.errors = measure_errors(predicted.graph, predicted.timeline, steps, prediction.shown);
  prediction.breakdown = break_down(config, predicted, steps[prediction.shown]);
  MeasuredRun measured = measure_steps(predicted.plan, predicted.graph, std::move(steps), {});
  prediction.predicted = predicted.report;
  prediction.measured = measured.run.report;
  prediction.spread = std::move(measured.steps);
  return {std::move(predicted), std::move(measured.run), std::move(prediction)};
}

}  // namespace ppsim
