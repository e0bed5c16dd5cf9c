// Megatron-LM's interleaved 1F1B with overlapped forwards and backwards, made to hide the expert-parallel
// communication of mixture-of-experts models (Narayanan et al., SC 2021, for the walk).
#include <algorithm>

#include "schedule/generators/looped_units.hpp"
#include "schedule/generators/one_f_one_b.hpp"

namespace ppsim::combined_1f1b_schedule {
namespace {

// One forward more than interleaved, so that the two halves of a step are independent.
std::uint64_t warmup(const Shape& shape, std::uint64_t G, std::uint64_t r) {
  return 2 * (shape.ranks - 1 - r) + (shape.chunks - 1) * G + 1;
}

Schedule generate(const ScheduleRequest& request) {
  const std::uint32_t P = request.shape.ranks, M = request.shape.micro_batches, V = request.shape.chunks;
  const std::uint32_t G = *group_size(request);
  const std::vector<LoopedUnit> units = looped_units(M, V, G);
  const std::uint64_t n = units.size();
  ScheduleWriter out("combined-1f1b", looped_placement(P, V), M, 2 * n * P);
  for (std::uint32_t r = 0; r < P; ++r) {
    const std::uint64_t w = warmup(request.shape, G, r);
    write_one_f_one_b(
        n, w,
        [&](std::uint64_t j) {
          out.forward(units[j].chunk * P + r, units[j].micro_batch);
          if (j >= w) out.overlap_next();
        },
        [&](std::uint64_t j) { out.backward((V - 1 - units[j].chunk) * P + r, units[j].micro_batch); });
    out.next_rank();
  }
  return std::move(out).take();
}

std::optional<Time> exact_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches, V = request.shape.chunks;
  const std::int64_t n = M * V, u = (V - 1) * std::int64_t{*group_size(request)} + 1;
  const Time F = costs.forward, B = costs.backward, FB = costs.pair.value_or(F + B);
  const bool pairs_gain = std::max(F, B) <= FB && FB <= F + B;
  if (n <= 2 * (P - 1) + u || !pairs_gain || costs.hop != Time{}) return std::nullopt;
  return (n - u) * FB + (u + P - 1) * (F + B);
}

std::optional<std::uint64_t> exact_peak(const ScheduleRequest& request, Rank rank) {
  const std::uint64_t n = std::uint64_t{request.shape.micro_batches} * request.shape.chunks;
  return std::min(n, warmup(request.shape, *group_size(request), index(rank)) + 1);
}

const Registration registration{ScheduleInfo{
    .name = "combined-1f1b",
    .summary = "interleaved whose steady forwards and backwards run as overlapped pairs",
    .source = "Megatron-LM's 1F1B with overlapped forward and backward; Narayanan et al., SC 2021",
    .placement = "looped",
    .constraint = kGroupConstraint,
    .options = {group_option()},
    .chunk_rule = ChunkRule::Any,
    .makespan = {"(M V - u) FB + (u + P-1)(F+B), u = (V-1)G + 1",
                 "per chunk; c = 0, M V > 2(P-1) + u, max(F, B) <= FB <= F+B"},
    .bubble = {"(P-1)(F+B) / makespan", "c = 0, FB = F+B"},
    .peak = {"min(M V, 2(P-1-r) + (V-1)G + 2)", ""},
    .why_not = why_not_group,
    .generate = generate,
    .exact_makespan = exact_makespan,
    .exact_peak = exact_peak,
}};

}  // namespace
}  // namespace ppsim::combined_1f1b_schedule
