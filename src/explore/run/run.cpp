#include "ppsim/explore/run/run.hpp"

#include "core/stopwatch.hpp"
#include "explore/run/extrapolated.hpp"
#include "explore/run/plan.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/engine/simulate.hpp"
#include "ppsim/schedule/lowering.hpp"

namespace ppsim {
namespace {

// The graph knows no config: what it refuses is the sum of all durations, which come from the costs or the
// model's size.
template <class Build>
OpGraph build_located(const Config& config, const Plan& plan, Build build) {
  const Simulation& simulation = config.simulation;
  const bool as_written =
      simulation.communication != Communication::Program || has_sends_or_receives(plan.schedule);
  const LinkSharing& links = simulation.contention.info().sharing;
  try {
    return build(as_written ? plan.schedule : add_sends_and_receives(plan.schedule), plan.workload,
                 simulation.communication, simulation.streams, links);
  } catch (const DeadlockError& deadlock) {
    throw deadlock_in(config, deadlock);
  } catch (const Error& error) {
    const bool costs = std::holds_alternative<CostsInput>(config.input);
    throw Error(locate(config, costs ? "/costs" : "/parallelism"), error.fault().what);
  }
}

Timeline make_timeline(const Config& config, const OpGraph& graph) {
  try {
    Timeline timeline = located(config, [&] { return simulate(graph, config.simulation.contention); });
    return graph.leaders().empty() ? std::move(timeline) : last_replica(graph, timeline);
  } catch (const DeadlockError& deadlock) {
    throw deadlock_in(config, deadlock);
  }
}

}  // namespace

PhaseSeconds& PhaseSeconds::operator+=(const PhaseSeconds& other) {
  for (const auto phase : {&PhaseSeconds::config, &PhaseSeconds::schedule, &PhaseSeconds::graph,
                           &PhaseSeconds::engine, &PhaseSeconds::metrics, &PhaseSeconds::output})
    this->*phase += other.*phase;
  return *this;
}

DeadlockError deadlock_in(const Config& config, const DeadlockError& deadlock) {
  return {config.schedule.file.value_or(locate(config, "/schedule")), deadlock.cycle()};
}

OpGraph make_graph(const Config& config, const Plan& plan) {
  return build_located(config, plan, build_graph);
}

Run measure(Plan plan, OpGraph graph, Timeline timeline) {
  const Bubbles bubbles = measure_bubbles(graph, timeline);
  std::vector<RankMemory> memory = measure_memory(graph, timeline, plan.schedule, plan.workload);
  Report report = make_report(plan.schedule, plan.workload, graph, bubbles, memory);
  return Run{std::move(plan),     std::move(graph),  {},
             std::move(timeline), std::move(memory), std::move(report)};
}

Run run(const Config& config, Plan plan, PhaseSeconds* seconds) {
  PhaseSeconds spent;
  Stopwatch watch;
  OpGraph graph = make_graph(config, plan);
  std::optional<OpGraph> replicas;
  if (config.simulation.detail == Detail::Full) replicas = build_located(config, plan, build_replicas);
  spent.graph = watch.lap();
  Timeline timeline = make_timeline(config, replicas ? *replicas : graph);
  spent.engine = watch.lap();
  Run result = measure(std::move(plan), std::move(graph), std::move(timeline));
  result.replicas = std::move(replicas);
  for (std::string& sentence : extrapolated_transfers(result.graph, result.plan.workload.network))
    result.report.assumptions.push_back(std::move(sentence));
  spent.metrics = watch.lap();
  if (seconds != nullptr) *seconds += spent;
  return result;
}

Run run(const Config& config) {
  return run(config, make_plan(config));
}

}  // namespace ppsim
