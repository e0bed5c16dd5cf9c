#include "explore/run/measured.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace ppsim {

std::size_t median_step(std::span<const StepFigures> steps) {
  std::vector<std::size_t> order(steps.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return steps[a].makespan < steps[b].makespan; });
  return order[(order.size() - 1) / 2];
}

MeasuredRun measure_steps(Plan plan, OpGraph graph, std::vector<Timeline> steps,
                          const std::vector<std::string>& notes) {
  std::vector<StepFigures> figures;
  for (const Timeline& step : steps) figures.push_back(measure_step(graph, step));
  const std::uint32_t optimizer_steps = plan.schedule.steps;
  MeasuredRun measured{measure(std::move(plan), std::move(graph), std::move(steps[median_step(figures)])),
                       {}};
  auto& assumptions = measured.run.report.assumptions;
  assumptions.insert(assumptions.end(), notes.begin(), notes.end());
  if (figures.size() == 1) return measured;
  measured.steps = summarize(figures, optimizer_steps);
  measured.steps->measured = true;
  return measured;
}

}  // namespace ppsim
