// 1F1B, called PipeDream-Flush in Narayanan et al., "Memory-Efficient Pipeline-Parallel DNN Training", ICML
// 2021, and DAPPLE in Fan et al., PPoPP 2021. The options lengthen the warm-up: more forwards in flight, at
// the price of memory.
#include <algorithm>

#include "ppsim/schedule/registry.hpp"

namespace ppsim {
namespace {

// Forwards that rank r could have in flight before its first backward: h (P-1-r) + e.
std::uint64_t warmup(const ScheduleRequest& request, std::uint64_t r) {
  const auto h = static_cast<std::uint64_t>(request.integer("warmup_per_hop"));
  const auto e = static_cast<std::uint64_t>(request.integer("slack"));
  return h * (request.shape.ranks - 1 - r) + e;
}

Schedule generate(const ScheduleRequest& request) {
  const auto [P, M, V] = request.shape;
  ScheduleWriter out("1f1b", linear_placement(P), M, std::size_t{2} * P * M);
  for (std::uint32_t r = 0; r < P; ++r) {
    const std::uint64_t w = std::min<std::uint64_t>(M, warmup(request, r));
    for (std::uint64_t i = 0; i < w; ++i) out.forward(r, i);
    for (std::uint64_t i = 0; i < M - w; ++i) {
      out.forward(r, w + i);
      out.backward(r, i);
    }
    for (std::uint64_t i = M - w; i < M; ++i) out.backward(r, i);
    out.next_rank();
  }
  return std::move(out).take();
}

// With hops, the plain warm-up exposes each of them both ways for every round of P micro-batches.
std::optional<Time> exact_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks;
  const std::int64_t M = request.shape.micro_batches;
  const Time c = costs.hop;
  const Time work = (M + P - 1) * (costs.forward + costs.backward);
  if (c == Time{} || P == 1) return work;
  const std::int64_t h = request.integer("warmup_per_hop");
  if (request.integer("slack") != 0 || h > 2 || c > std::min(costs.forward, costs.backward))
    return std::nullopt;
  if (h == 2) return work + 2 * (P - 1) * c;
  return work + 2 * c * (P - 2 + M - (M - 1 + P - 1) / P);
}

std::optional<std::uint64_t> exact_peak(const ScheduleRequest& request, Rank rank) {
  return std::min<std::uint64_t>(request.shape.micro_batches, warmup(request, index(rank)) + 1);
}

const Registration registration{ScheduleInfo{
    .name = "1f1b",
    .summary = "a warm-up of forwards, then one forward and one backward in turn",
    .source = "Narayanan et al., \"Memory-Efficient Pipeline-Parallel DNN Training\", ICML 2021; Fan et al., "
              "\"DAPPLE\", PPoPP 2021",
    .placement = "linear",
    .options = {{.name = "warmup_per_hop",
                 .help = "forwards in the warm-up for each rank behind; 2 is eager 1F1B",
                 .default_value = std::int64_t{1},
                 .minimum = 1},
                {.name = "slack",
                 .help = "more forwards in the warm-up, on every rank",
                 .default_value = std::int64_t{0}}},
    .makespan = {"(M+P-1)(F+B) + 2c [P-2 + M - ceil((M-1)/P)]",
                 "P >= 2, c <= min(F, B); (M+P-1)(F+B) for c = 0 or P = 1"},
    .bubble = {"(P-1)/(M+P-1)", "c = 0"},
    .peak = {"min(M, P-r)", "default options; else min(M, warmup_per_hop (P-1-r) + slack + 1)"},
    .generate = generate,
    .exact_makespan = exact_makespan,
    .exact_peak = exact_peak,
}};

}  // namespace
}  // namespace ppsim
