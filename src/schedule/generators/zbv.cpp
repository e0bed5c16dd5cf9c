// ZB-V by hand: Qi, Wan, Huang, Lin, "Zero Bubble Pipeline Parallelism", ICLR 2024, and Qi, Wan, Amar, Lin,
// "Pipeline Parallelism with Controllable Memory", NeurIPS 2024; ZBVZeroBubble of PyTorch's pipelining. Rank
// r holds stage a = r on the way down the V and z = 2P-1-r on the way back.
#include <algorithm>

#include "ppsim/schedule/registry.hpp"

namespace ppsim::zbv_schedule {
namespace {

// A rank's chunk; each kind counts its own micro-batches upward. The rule is made for at least 2P-1
// micro-batches: with fewer, those beyond M are dropped.
struct Chunk {
  ScheduleWriter& out;
  std::uint32_t M;
  std::uint32_t stage;
  std::uint32_t forwards = 0, input_grads = 0, weight_grads = 0;

  void F() {
    if (const std::uint32_t m = forwards++; m < M) out.forward(stage, m);
  }
  void I() {
    if (const std::uint32_t m = input_grads++; m < M) out.input_grad(stage, m);
  }
  void W() {
    if (const std::uint32_t m = weight_grads++; m < M) out.weight_grad(stage, m);
  }
  void IW() {
    I();
    W();
  }
};

template <class Action>
void repeat(std::uint32_t times, Action action) {
  for (std::uint32_t i = 0; i < times; ++i) action();
}

void write_rank(ScheduleWriter& out, const Shape& shape, std::uint32_t r) {
  const std::uint32_t P = shape.ranks, M = shape.micro_batches, N = std::max(M, 2 * P - 1);
  Chunk a{out, M, r}, z{out, M, 2 * P - 1 - r};
  repeat(2 * (P - r) - 1, [&] { a.F(); });
  repeat(r, [&] { z.F(), a.F(); });
  repeat(P - r, [&] { z.F(), z.IW(); });
  while (z.forwards < N) {
    if (a.forwards < N) a.F();
    a.IW();
    z.F(), z.IW();
  }
  repeat(r, [&] { a.I(), z.I(); });
  repeat(P - r, [&] { a.IW(); });
  repeat(N - z.weight_grads, [&] { z.W(); });
  repeat(N - a.weight_grads, [&] { a.W(); });
}

Schedule generate(const ScheduleRequest& request) {
  const auto [P, M, V] = request.shape;
  ScheduleWriter out("zbv", wave_placement(P, V), M, std::size_t{6} * P * M);
  for (std::uint32_t r = 0; r < P; ++r) {
    write_rank(out, request.shape, r);
    out.next_rank();
  }
  return std::move(out).take();
}

// Stated for F = I = W and free hops alone.
std::optional<Time> exact_span(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches;
  const Time F = costs.forward, I = costs.input_grad, W = costs.weight_grad;
  if (F != I || I != W || costs.hop != Time{} || M < 2 * P - 1) return std::nullopt;
  return 2 * M * (F + I + W);
}

std::optional<Time> exact_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const auto span = exact_span(request, costs);
  const std::int64_t P = request.shape.ranks;
  return span ? std::optional(*span + (P - 1) * costs.forward) : std::nullopt;
}

std::optional<std::uint64_t> exact_peak(const ScheduleRequest& request, Rank) {
  const auto [P, M, V] = request.shape;
  return M >= 2 * P ? std::optional<std::uint64_t>(2 * P) : std::nullopt;
}

const Registration registration{ScheduleInfo{
    .name = "zbv",
    .summary = "a V of two chunks a rank, by hand: no wait within a rank (F = I = W), with 1F1B's memory",
    .source = "Qi, Wan, Huang, Lin, \"Zero Bubble Pipeline Parallelism\", ICLR 2024; Qi, Wan, Amar, Lin, "
              "\"Pipeline Parallelism with Controllable Memory\", NeurIPS 2024",
    .placement = "V-shape",
    .chunk_rule = ChunkRule::Two,
    .makespan = {"2M(F+I+W) + (P-1)F", "per chunk; F = I = W, c = 0, M >= 2P-1; other costs: see zbv-auto"},
    .span = {"2M(F+I+W)", "per chunk; F = I = W, c = 0, M >= 2P-1"},
    .bubble = {"(P-1)F / makespan; of the rank span 0", "F = I = W, c = 0, M >= 2P-1"},
    .peak = {"2P", "in chunks, which are half a stage; M >= 2P"},
    .generate = generate,
    .exact_makespan = exact_makespan,
    .exact_span = exact_span,
    .exact_peak = exact_peak,
}};

}  // namespace
}  // namespace ppsim::zbv_schedule
