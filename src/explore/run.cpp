#include "ppsim/explore/run.hpp"

#include "ppsim/core/error.hpp"
#include "ppsim/core/stopwatch.hpp"
#include "ppsim/engine/simulate.hpp"
#include "ppsim/schedule/lowering.hpp"

namespace ppsim {
namespace {

DeadlockError in_schedule(const Config& config, const DeadlockError& deadlock) {
  return {config.schedule.file.value_or(locate(config, "/schedule")), deadlock.cycle()};
}

struct Graphs {
  OpGraph of_one;     // replica, or of all in step
  OpGraph simulated;  // the same, or each replica by itself
};

// Collectives are on the links where these are shared. Where replicas do not meet on the links, each has what
// is left to it when all send at once.
Graphs build_graphs(const Simulation& simulation, const Schedule& schedule, const Workload& workload) {
  const GraphLinks links{.collectives = simulation.contention == Contention::Fair,
                         .alone = simulation.contention != Contention::None};
  const OpGraph one = build_graph(schedule, workload, simulation.communication, simulation.streams, links);
  if (simulation.detail == Detail::Folded) return {one, one};
  return {one, build_replicas(schedule, workload, simulation.communication, simulation.streams, links)};
}

// The graph knows no config: what it refuses is the sum of all durations, which come from the costs or the
// model's size.
Graphs make_graphs(const Config& config, const Plan& plan) {
  const Simulation& simulation = config.simulation;
  const bool as_written =
      simulation.communication != Communication::Program || has_sends_or_receives(plan.schedule);
  try {
    return build_graphs(simulation, as_written ? plan.schedule : add_sends_and_receives(plan.schedule),
                        plan.workload);
  } catch (const DeadlockError& deadlock) {
    throw in_schedule(config, deadlock);
  } catch (const Error& error) {
    const bool costs = std::holds_alternative<CostsInput>(config.input);
    throw Error(locate(config, costs ? "/costs" : "/parallelism"), error.fault().what);
  }
}

Timeline make_timeline(const Config& config, const OpGraph& graph) {
  try {
    Timeline timeline = simulate(graph, config.simulation.contention);
    return graph.leaders().empty() ? std::move(timeline) : last_replica(graph, timeline);
  } catch (const DeadlockError& deadlock) {
    throw in_schedule(config, deadlock);
  }
}

}  // namespace

Run run(const Config& config, Plan plan, PhaseSeconds& seconds) {
  Stopwatch watch;
  auto [graph, simulated] = make_graphs(config, plan);
  seconds.graph += watch.lap();
  Timeline timeline = make_timeline(config, simulated);
  seconds.engine += watch.lap();
  const Bubbles bubbles = measure_bubbles(graph, timeline);
  std::vector<RankMemory> memory = measure_memory(graph, timeline, plan.schedule, plan.workload);
  Report report = make_report(plan.schedule, plan.workload, graph, bubbles, memory);
  seconds.metrics += watch.lap();
  return Run{std::move(plan),     std::move(graph),  std::move(simulated),
             std::move(timeline), std::move(memory), std::move(report)};
}

}  // namespace ppsim
