// Lamy-Poirier, "Breadth-First Pipeline Parallelism", MLSys 2023; LoopedBFS of PyTorch's pipelining. All
// micro-batches go through one chunk before a rank turns to the next, so that sharded weights are gathered
// once a chunk.
#include <algorithm>

#include "ppsim/schedule/registry.hpp"

namespace ppsim::looped_bfs_schedule {
namespace {

Schedule generate(const ScheduleRequest& request) {
  const auto [P, M, V] = request.shape;
  ScheduleWriter out("looped-bfs", looped_placement(P, V), M, std::size_t{2} * P * M * V);
  for (std::uint32_t r = 0; r < P; ++r) {
    for (std::uint32_t v = 0; v < V; ++v) {
      for (std::uint32_t m = 0; m < M; ++m) out.forward(v * P + r, m);
    }
    for (std::uint32_t v = V; v-- > 0;) {
      for (std::uint32_t m = M; m-- > 0;) out.backward(v * P + r, m);
    }
    out.next_rank();
  }
  return std::move(out).take();
}

std::optional<Time> exact_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches, V = request.shape.chunks;
  const Time c = costs.hop;
  const std::int64_t slots = M >= P ? M * V + P - 1 : P * (V - 1) + M + P - 1;
  const Time work = slots * (costs.forward + costs.backward);
  if (c == Time{} || P == 1) return work;
  if (M == P) return work + 2 * (P * V - 1) * c;
  const bool hidden = (M - P) * std::min(costs.forward, costs.backward) >= P * c;
  return M > P && hidden ? std::optional(work + 2 * (P - 1) * c) : std::nullopt;
}

std::optional<std::uint64_t> exact_peak(const ScheduleRequest& request, Rank) {
  return std::uint64_t{request.shape.micro_batches} * request.shape.chunks;
}

const Registration registration{ScheduleInfo{
    .name = "looped-bfs",
    .summary = "all micro-batches through a chunk before the next one: weights are gathered once a chunk",
    .source = "Lamy-Poirier, \"Breadth-First Pipeline Parallelism\", MLSys 2023",
    .placement = "looped",
    .chunk_rule = ChunkRule::Any,
    .makespan = {"(M V + P-1)(F+B) + 2(P-1)c",
                 "per chunk; M > P, (M-P) min(F, B) >= P c; for M = P the hops are 2(P V - 1)c"},
    .bubble = {"(P-1)/(M V + P-1)", "c = 0, M >= P"},
    .peak = {"M V", ""},
    .generate = generate,
    .exact_makespan = exact_makespan,
    .exact_peak = exact_peak,
}};

}  // namespace
}  // namespace ppsim::looped_bfs_schedule
