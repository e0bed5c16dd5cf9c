// PipeDream-2BW: Narayanan et al., "Memory-Efficient Pipeline-Parallel DNN Training", ICML 2021. 1F1B that
// does not stop between steps: a step's gradients meet weights that are one version old, and a rank holds two
// versions. Here as T steps in a row.
#include <fmt/format.h>

#include "ppsim/schedule/registry.hpp"
#include "schedule/generators/one_f_one_b.hpp"

namespace ppsim::pipedream_2bw_schedule {
namespace {

std::uint64_t steps(const OptionValues& options) {
  return static_cast<std::uint64_t>(std::get<std::int64_t>(options.at("steps")));
}

// Index g = step x M + m.
Schedule generate(const ScheduleRequest& request) {
  const std::uint64_t P = request.shape.ranks, T = steps(request.options);
  const std::uint64_t n = request.shape.micro_batches * T;
  ScheduleWriter out("pipedream-2bw", linear_placement(request.shape.ranks), static_cast<std::uint32_t>(n),
                     2 * n * P);
  for (std::uint64_t r = 0; r < P; ++r) {
    write_one_f_one_b(
        n, P - 1 - r, [&](std::uint64_t g) { out.forward(r, g); },
        [&](std::uint64_t g) { out.backward(r, g); });
    out.next_rank();
  }
  Schedule schedule = std::move(out).take();
  schedule.steps = static_cast<std::uint32_t>(T);
  return schedule;
}

// With fewer, a forward would need weights whose gradients are not all there yet.
std::optional<std::string> why_not(const ScheduleRequest& request) {
  const auto [P, M, V] = request.shape;
  if (M >= P) return std::nullopt;
  return fmt::format("{} micro-batches a step with {} ranks: expected at least {}", M, P, P);
}

// That of 1F1B with all steps' micro-batches.
std::optional<Time> exact_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks;
  const auto n = static_cast<std::int64_t>(request.shape.micro_batches * steps(request.options));
  const Time c = costs.hop;
  const Time work = (n + P - 1) * (costs.forward + costs.backward);
  if (c == Time{} || P == 1) return work;
  if (c > std::min(costs.forward, costs.backward)) return std::nullopt;
  return work + 2 * c * (P - 2 + n - (n - 1 + P - 1) / P);
}

std::optional<std::uint64_t> exact_peak(const ScheduleRequest& request, Rank rank) {
  return std::min(request.shape.micro_batches * steps(request.options), request.shape.ranks - index(rank));
}

const Registration registration{ScheduleInfo{
    .name = "pipedream-2bw",
    .summary = "1F1B over several steps without a flush: the bubble is paid once, for weights one step old",
    .source = "Narayanan et al., \"Memory-Efficient Pipeline-Parallel DNN Training\", ICML 2021",
    .placement = "linear",
    .constraint = "M >= P",
    .options = {{.name = "steps",
                 .help = "optimizer steps that run in a row, each of M micro-batches",
                 .default_value = std::int64_t{2},
                 .minimum = 1}},
    .weight_versions = 2,
    .makespan = {"(n+P-1)(F+B) + 2c [P-2 + n - ceil((n-1)/P)], n = M steps",
                 "of all steps; P >= 2, c <= min(F, B); (n+P-1)(F+B) for c = 0 or P = 1"},
    .bubble = {"(P-1)/(M steps + P-1)", "c = 0"},
    .peak = {"min(M steps, P-r)", ""},
    .why_not = why_not,
    .generate = generate,
    .exact_makespan = exact_makespan,
    .exact_peak = exact_peak,
    .units = steps,
}};

}  // namespace
}  // namespace ppsim::pipedream_2bw_schedule
