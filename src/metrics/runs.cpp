#include "ppsim/metrics/runs.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/int128.hpp"
#include "metrics/nearest_rank.hpp"
#include "ppsim/metrics/bubbles.hpp"
#include "ppsim/metrics/report.hpp"

namespace ppsim {
namespace {

Time busy_time(const OpGraph& graph, const Timeline& timeline) {
  Time busy{};
  for (VertexId v = 0; v < graph.vertex_count(); ++v) {
    if (is_compute(graph.ops(v).front().kind)) busy += timeline.finish[v] - timeline.start[v];
  }
  return busy;
}

template <class Number>
Summary<Number> summary_of(const std::vector<Number>& values, Number mean) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return {nearest_rank(values, 50), nearest_rank(values, 95), nearest_rank(values, 99), mean, *least, *most};
}

Time mean_of(const std::vector<Time>& times) {
  Int128 sum = 0;
  for (const Time time : times) sum += time.count();
  const auto count = static_cast<Int128>(times.size());
  return Time(static_cast<Time::rep>((2 * sum + count) / (2 * count)));
}

// As far from the first as the differences are on the average, so that equal values have themselves as mean.
double mean_of(const std::vector<double>& values) {
  double differences = 0;
  for (const double value : values) differences += value - values.front();
  return values.front() + differences / static_cast<double>(values.size());
}

}  // namespace

StepFigures measure_step(const OpGraph& graph, const Timeline& timeline) {
  if (graph.vertex_count() == 0) return {};
  const Time makespan = *std::max_element(timeline.finish.begin(), timeline.finish.end()) -
                        *std::min_element(timeline.start.begin(), timeline.start.end());
  return {makespan, idle_share(busy_time(graph, timeline), graph.rank_count(), makespan)};
}

RunsReport summarize(std::span<const StepFigures> runs, std::uint32_t steps) {
  PPSIM_ASSERT(!runs.empty(), "no run");
  std::vector<Time> times;
  std::vector<double> fractions;
  for (const StepFigures& run : runs) {
    times.push_back(step_time(run.makespan, steps));
    fractions.push_back(run.bubble_fraction);
  }
  const Time mean_time = mean_of(times);
  const double mean_fraction = mean_of(fractions);
  return {static_cast<std::uint32_t>(runs.size()), summary_of(times, mean_time),
          summary_of(fractions, mean_fraction)};
}

}  // namespace ppsim
