// ZB-H1 and ZB-H2, the handcrafted schedules of Qi, Wan, Huang, Lin, "Zero Bubble Pipeline Parallelism", ICLR
// 2024: W fills the waits that 1F1B leaves. H2 has twice the warm-up, and no wait at all between a rank's
// first and last op.
#include <algorithm>

#include "ppsim/schedule/registry.hpp"

namespace ppsim::zb_handcrafted_schedule {
namespace {

// k = 1 is H1, k = 2 is H2.
Schedule generate(const char* name, const ScheduleRequest& request, std::uint32_t k) {
  const auto [P, M, V] = request.shape;
  ScheduleWriter out(name, linear_placement(P), M, std::size_t{3} * P * M);
  for (std::uint32_t r = 0; r < P; ++r) {
    const std::uint32_t w = std::min(M, k * (P - 1 - r));
    for (std::uint32_t m = 0; m < w; ++m) out.forward(r, m);
    std::uint32_t nw = 0;
    for (std::uint32_t i = 0; i < M; ++i) {
      if (i < M - w) out.forward(r, w + i);
      out.input_grad(r, i);
      if (i >= k * r) out.weight_grad(r, nw++);
    }
    while (nw < M) out.weight_grad(r, nw++);
    out.next_rank();
  }
  return std::move(out).take();
}

bool in_domain(const UniformCosts& costs) {
  return costs.weight_grad <= std::min(costs.forward, costs.input_grad);
}

Time work(const ScheduleRequest& request, const UniformCosts& costs) {
  return request.shape.micro_batches * (costs.forward + costs.input_grad + costs.weight_grad);
}

std::optional<Time> h1_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches;
  const Time F = costs.forward, I = costs.input_grad, W = costs.weight_grad, c = costs.hop;
  if (M < P || !in_domain(costs)) return std::nullopt;
  const Time full = work(request, costs) + (P - 1) * (F + I - W);
  if (P == 1) return full;
  if (2 * c > W) return std::nullopt;
  return full + (4 * (P - 1) - (M == P ? 2 : 0)) * c;
}

std::optional<Time> h2_span(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches;
  const Time F = costs.forward, I = costs.input_grad, W = costs.weight_grad, c = costs.hop;
  if (M < 2 * P - 1 || !in_domain(costs)) return std::nullopt;
  return work(request, costs) + (P - 1) * (F + I - 2 * W + 2 * c);
}

std::optional<Time> h2_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches;
  const Time F = costs.forward, I = costs.input_grad, W = costs.weight_grad;
  if (M < 2 * P - 1 || !in_domain(costs) || costs.hop != Time{}) return std::nullopt;
  return work(request, costs) + (P - 1) * std::max(F, F + I - 2 * W);
}

constexpr const char* kSource = "Qi, Wan, Huang, Lin, \"Zero Bubble Pipeline Parallelism\", ICLR 2024";

const Registration h1_registration{ScheduleInfo{
    .name = "zb-h1",
    .summary = "1F1B with the backward split: W fills part of the bubble, with 1F1B's largest memory",
    .source = kSource,
    .placement = "linear",
    .makespan = {"M(F+I+W) + (P-1)(F+I-W) + 4(P-1)c", "M > P, W <= min(F, I), 2c <= W; 2c less for M = P"},
    .bubble = {"(P-1)(F+I-W) / [M(F+I+W) + (P-1)(F+I-W)]", "c = 0, M >= P, W <= min(F, I)"},
    .peak = {"min(M, P)", ""},
    .generate = [](const auto& request) { return generate("zb-h1", request, 1); },
    .exact_makespan = h1_makespan,
    .exact_peak = [](const auto& request,
                     Rank) { return std::min(request.shape.micro_batches, request.shape.ranks); },
}};

const Registration h2_registration{ScheduleInfo{
    .name = "zb-h2",
    .summary = "no wait from a rank's first op to its last (F = I = W), for twice 1F1B's largest memory",
    .source = kSource,
    .placement = "linear",
    .makespan = {"M(F+I+W) + (P-1) max(F, F+I-2W)", "c = 0, M >= 2P-1, W <= min(F, I)"},
    .span = {"M(F+I+W) + (P-1)(F+I-2W+2c)", "M >= 2P-1, W <= min(F, I)"},
    .bubble = {"(P-1) max(F, F+I-2W) / makespan; of the rank span 0 for F = I = W", "c = 0, M >= 2P-1"},
    .peak = {"min(M, 2P-1)", ""},
    .generate = [](const auto& request) { return generate("zb-h2", request, 2); },
    .exact_makespan = h2_makespan,
    .exact_span = h2_span,
    .exact_peak = [](const auto& request,
                     Rank) { return std::min(request.shape.micro_batches, 2 * request.shape.ranks - 1); },
}};

}  // namespace
}  // namespace ppsim::zb_handcrafted_schedule
