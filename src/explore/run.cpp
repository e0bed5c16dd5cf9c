#include "ppsim/explore/run.hpp"

#include "ppsim/core/error.hpp"
#include "ppsim/core/stopwatch.hpp"
#include "ppsim/engine/simulate.hpp"
#include "ppsim/schedule/lowering.hpp"

namespace ppsim {
namespace {

Timeline make_timeline(const Config& config, const OpGraph& graph) {
  try {
    return simulate(graph, config.simulation.contention);
  } catch (const DeadlockError& deadlock) {
    throw deadlock_in(config, deadlock);
  }
}

}  // namespace

DeadlockError deadlock_in(const Config& config, const DeadlockError& deadlock) {
  return {config.schedule.file.value_or(locate(config, "/schedule")), deadlock.cycle()};
}

// The graph knows no config: what it refuses is the sum of all durations, which come from the costs or the
// model's size.
OpGraph make_graph(const Config& config, const Plan& plan) {
  const Simulation& simulation = config.simulation;
  const bool as_written =
      simulation.communication != Communication::Program || has_sends_or_receives(plan.schedule);
  try {
    return build_graph(as_written ? plan.schedule : add_sends_and_receives(plan.schedule), plan.workload,
                       simulation.communication, simulation.streams);
  } catch (const DeadlockError& deadlock) {
    throw deadlock_in(config, deadlock);
  } catch (const Error& error) {
    const bool costs = std::holds_alternative<CostsInput>(config.input);
    throw Error(locate(config, costs ? "/costs" : "/parallelism"), error.fault().what);
  }
}

Run measure(Plan plan, OpGraph graph, Timeline timeline) {
  const Bubbles bubbles = measure_bubbles(graph, timeline);
  std::vector<RankMemory> memory = measure_memory(graph, timeline, plan.schedule, plan.workload);
  Report report = make_report(plan.schedule, plan.workload, graph, bubbles, memory);
  return Run{std::move(plan), std::move(graph), std::move(timeline), std::move(memory), std::move(report)};
}

Run run(const Config& config, Plan plan, PhaseSeconds& seconds) {
  Stopwatch watch;
  OpGraph graph = make_graph(config, plan);
  seconds.graph += watch.lap();
  Timeline timeline = make_timeline(config, graph);
  seconds.engine += watch.lap();
  Run result = measure(std::move(plan), std::move(graph), std::move(timeline));
  seconds.metrics += watch.lap();
  return result;
}

}  // namespace ppsim
