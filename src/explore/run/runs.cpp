#include "ppsim/explore/run/runs.hpp"

#include <functional>
#include <memory>
#include <vector>

#include "explore/run/parallel.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/engine/jitter.hpp"
#include "ppsim/engine/simulate.hpp"

namespace ppsim {
namespace {

// What a thread keeps from run to run.
struct Worker {
  Simulator simulator;
  JitterDraw::Buffers buffers;
};

}  // namespace

RunsReport run_many(const Config& config, const Run& run, std::uint32_t count, unsigned threads) {
  const JitterDraw jitter(run.simulated(), config.simulation.noise.jitter, config.simulation.seed);
  std::vector<StepFigures> figures(count);
  const auto make_body = [&]() -> std::function<void(std::size_t)> {
    auto worker = std::make_shared<Worker>(
        Worker{Simulator(run.simulated(), config.simulation.contention), jitter.make_buffers()});
    return [&, worker](std::size_t i) {
      const RunTimes times = jitter.draw(static_cast<std::uint32_t>(i), worker->buffers);
      const Timeline& timeline = worker->simulator.run(times);
      figures[i] = run.simulated().leaders().empty()
                       ? measure_step(run.graph, timeline)
                       : measure_step(run.graph, last_replica(run.simulated(), timeline));
    };
  };
  try {
    for_each_index(count, threads, make_body);
  } catch (const DeadlockError&) {
    throw;
  } catch (const Error& error) {
    throw Error(locate(config, "/simulation/noise/jitter"), error.fault().what);
  }
  return summarize(figures, run.report.steps);
}

}  // namespace ppsim
