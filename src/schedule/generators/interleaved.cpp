// Narayanan et al., "Efficient Large-Scale Language Model Training on GPU Clusters Using Megatron-LM", SC
// 2021, section 2.2; the group as Megatron-LM's microbatch_group_size_per_vp_stage.
#include <algorithm>

#include "schedule/generators/looped_units.hpp"
#include "schedule/generators/one_f_one_b.hpp"

namespace ppsim::interleaved_schedule {
namespace {

// Forwards before the first backward, for n = M V units: 2(P-1-r) + (V-1)G.
std::uint64_t warmup(const Shape& shape, std::uint64_t G, std::uint64_t r) {
  return 2 * (shape.ranks - 1 - r) + (shape.chunks - 1) * G;
}

Schedule generate(const ScheduleRequest& request) {
  const std::uint32_t P = request.shape.ranks, M = request.shape.micro_batches, V = request.shape.chunks;
  const std::uint32_t G = *group_size(request);
  const std::vector<LoopedUnit> units = looped_units(M, V, G);
  const std::uint64_t n = units.size();
  ScheduleWriter out("interleaved", looped_placement(P, V), M, 2 * n * P);
  for (std::uint32_t r = 0; r < P; ++r) {
    write_one_f_one_b(
        n, warmup(request.shape, G, r),
        [&](std::uint64_t j) { out.forward(units[j].chunk * P + r, units[j].micro_batch); },
        [&](std::uint64_t j) { out.backward((V - 1 - units[j].chunk) * P + r, units[j].micro_batch); });
    out.next_rank();
  }
  return std::move(out).take();
}

// What the hops add, where the form is known: full groups.
std::optional<Time> exposed_hops(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches, V = request.shape.chunks;
  const std::int64_t G = *group_size(request);
  const Time shorter = std::min(costs.forward, costs.backward);
  const Time c = costs.hop;
  if (c == Time{} || P == 1) return Time{};
  if (M < P || M % G != 0) return std::nullopt;
  if (G == P && c <= shorter) return 2 * (P * V - 1) * c;
  if (G > P && (G - P) * shorter >= P * c) return 2 * (P - 1) * c;
  return std::nullopt;
}

std::optional<Time> exact_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches, V = request.shape.chunks;
  const auto hops = exposed_hops(request, costs);
  if (!hops) return std::nullopt;
  const std::int64_t slots = M >= P ? M * V + P - 1 : P * (V - 1) + M + P - 1;
  return slots * (costs.forward + costs.backward) + *hops;
}

std::optional<std::uint64_t> exact_peak(const ScheduleRequest& request, Rank rank) {
  const std::uint64_t n = std::uint64_t{request.shape.micro_batches} * request.shape.chunks;
  return std::min(n, warmup(request.shape, *group_size(request), index(rank)) + 1);
}

const Registration registration{ScheduleInfo{
    .name = "interleaved",
    .summary = "1F1B over V chunks a rank: a smaller bubble for more activations and more hops",
    .source = "Narayanan et al., \"Efficient Large-Scale Language Model Training on GPU Clusters Using "
              "Megatron-LM\", SC 2021",
    .placement = "looped",
    .constraint = kGroupConstraint,
    .options = {group_option()},
    .chunk_rule = ChunkRule::Any,
    .makespan = {"(M V + P-1)(F+B) + 2(P V - 1)c",
                 "per chunk; M >= P, G = P divides M, c <= min(F, B); with G > P and (G-P) min(F, B) >= P c "
                 "only 2(P-1)c"},
    .bubble = {"(P-1)/(M V + P-1)", "c = 0, M >= P"},
    .peak = {"min(M V, 2(P-1-r) + (V-1)G + 1)", ""},
    .why_not = why_not_group,
    .generate = generate,
    .exact_makespan = exact_makespan,
    .exact_peak = exact_peak,
}};

}  // namespace
}  // namespace ppsim::interleaved_schedule
