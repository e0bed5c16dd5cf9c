// The idea of ZB-H1 (Qi, Wan, Huang, Lin, "Zero Bubble Pipeline Parallelism", ICLR 2024) on the looped
// placement, as PyTorch's pipelining has it (InterleavedZeroBubble). One chunk a rank is ZB-H1.
#include <algorithm>

#include "schedule/generators/looped_units.hpp"

namespace ppsim::interleaved_zb_schedule {
namespace {

// One forward a hop, not two as in interleaved: W fills what the shorter warm-up leaves open.
Schedule generate(const ScheduleRequest& request) {
  const std::uint32_t P = request.shape.ranks, M = request.shape.micro_batches, V = request.shape.chunks;
  const std::uint32_t G = *group_size(request);
  const std::vector<LoopedUnit> units = looped_units(M, V, G);
  const std::uint64_t n = units.size();
  ScheduleWriter out("interleaved-zb", looped_placement(P, V), M, 3 * n * P);
  for (std::uint32_t r = 0; r < P; ++r) {
    const auto fwd = [&](std::uint64_t j) { out.forward(units[j].chunk * P + r, units[j].micro_batch); };
    const auto stage = [&](std::uint64_t j) { return (V - 1 - units[j].chunk) * P + r; };
    const std::uint64_t w = std::min<std::uint64_t>(n, P - 1 - r + std::uint64_t{V - 1} * G);
    for (std::uint64_t j = 0; j < w; ++j) fwd(j);
    std::uint64_t nw = 0;
    const auto weight_grad = [&] {
      out.weight_grad(stage(nw), units[nw].micro_batch);
      ++nw;
    };
    for (std::uint64_t i = 0; i < n; ++i) {
      if (i < n - w) fwd(w + i);
      out.input_grad(stage(i), units[i].micro_batch);
      if (i >= r) weight_grad();
    }
    while (nw < n) weight_grad();
    out.next_rank();
  }
  return std::move(out).take();
}

std::optional<Time> exact_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches, V = request.shape.chunks;
  const Time F = costs.forward, I = costs.input_grad, W = costs.weight_grad, c = costs.hop;
  if (M < P || W > std::min(F, I)) return std::nullopt;
  const Time full = M * V * (F + I + W) + (P - 1) * (F + I - W);
  if (c == Time{} || P == 1) return full;
  if (*group_size(request) != P || M == P || M % P != 0 || 2 * c > W) return std::nullopt;
  return full + (4 * (P - 1) + P * (V - 1)) * c;
}

std::optional<std::uint64_t> exact_peak(const ScheduleRequest& request, Rank) {
  const auto [P, M, V] = request.shape;
  return std::min(std::uint64_t{M} * V, P + std::uint64_t{V - 1} * *group_size(request));
}

const Registration registration{ScheduleInfo{
    .name = "interleaved-zb",
    .summary = "interleaved with the backward split, W in the gaps (PyTorch's InterleavedZeroBubble)",
    .source = "Qi, Wan, Huang, Lin, \"Zero Bubble Pipeline Parallelism\", ICLR 2024; PyTorch's pipelining",
    .placement = "looped",
    .constraint = kGroupConstraint,
    .options = {group_option()},
    .chunk_rule = ChunkRule::Any,
    .makespan = {"M V (F+I+W) + (P-1)(F+I-W) + (4(P-1) + P(V-1))c",
                 "per chunk; W <= min(F, I), M > P, G = P divides M, 2c <= W; any G with M >= P for c = 0"},
    .bubble = {"(P-1)(F+I-W) / makespan", "c = 0, M >= P, W <= min(F, I)"},
    .peak = {"min(M V, P + (V-1)G)", ""},
    .why_not = why_not_group,
    .generate = generate,
    .exact_makespan = exact_makespan,
    .exact_peak = exact_peak,
}};

}  // namespace
}  // namespace ppsim::interleaved_zb_schedule
