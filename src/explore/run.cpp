#include "ppsim/explore/run.hpp"

#include "plan.hpp"
#include "ppsim/core/stopwatch.hpp"
#include "ppsim/engine/simulate.hpp"

namespace ppsim {

Run run(const Config& config, Plan plan, PhaseSeconds& seconds) {
  return located(config, [&] {
    Stopwatch watch;
    OpGraph graph = build_graph(plan.schedule, plan.workload, config.simulation.communication);
    seconds.graph += watch.lap();
    Timeline timeline = simulate(graph, config.simulation.contention);
    seconds.engine += watch.lap();
    const Bubbles bubbles = measure_bubbles(graph, timeline);
    std::vector<RankMemory> memory = measure_memory(graph, timeline, plan.schedule, plan.workload);
    Report report = make_report(plan.schedule, plan.workload, graph, bubbles, memory);
    seconds.metrics += watch.lap();
    return Run{std::move(plan), std::move(graph), std::move(timeline), std::move(memory), std::move(report)};
  });
}

}  // namespace ppsim
