// After Liu, Cheng, Zhou, You, "Hanayo: Harnessing Wave-like Pipeline Parallelism for Enhanced Large Model
// Training Efficiency", SC 2023: Chimera's slots carried over to stages that go up and down the ranks in w
// waves, which needs no second copy of the weights. For one wave this is Chimera of 2P half-ranks, folded.
#include <algorithm>

#include "ppsim/schedule/registry.hpp"
#include "schedule/generators/slot_table.hpp"

namespace ppsim::hanayo_schedule {
namespace {

std::uint32_t chunks(const OptionValues& options) {
  return static_cast<std::uint32_t>(2 * std::get<std::int64_t>(options.at("waves")));
}

// Slots are those of F = B = 1; a block is P micro-batches, and m is the j-th of block g.
Schedule generate(const ScheduleRequest& request) {
  const auto [P, M, V] = request.shape;
  const std::uint32_t S = P * V;
  ScheduleWriter out("hanayo", wave_placement(P, V), M, std::size_t{2} * S * M);
  SlotTable table(std::size_t{2} * S * ((M - 1) / P + 1) + 2 * std::size_t{P});
  for (std::uint32_t r = 0; r < P; ++r) {
    for (std::uint32_t k = 0; k < V; ++k) {
      const std::uint32_t s = k * P + (k % 2 == 0 ? r : P - 1 - r);
      for (std::uint32_t m = 0; m < M; ++m) {
        const std::size_t start = std::size_t{2} * S * (m / P) + 2 * (m % P);
        table.put(start + s, OpKind::Forward, s, m);
        table.put(start + 2 * S - 1 - s, OpKind::Backward, s, m);
      }
    }
    table.write_rank(out);
  }
  return std::move(out).take();
}

std::optional<Time> exact_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches, V = request.shape.chunks;
  const Time F = costs.forward, B = costs.backward;
  if (M % P != 0 || B < F || costs.hop != Time{}) return std::nullopt;
  return M * V * (F + B) + 2 * (P - 1) * (B + (M / P - 1) * (B - F));
}

std::optional<std::uint64_t> exact_peak(const ScheduleRequest& request, Rank rank) {
  const std::uint64_t P = request.shape.ranks, V = request.shape.chunks;
  if (request.shape.micro_batches % P != 0) return std::nullopt;
  return (V - 1) * P + index(rank) + 1;
}

const Registration registration{ScheduleInfo{
    .name = "hanayo",
    .summary =
        "stages go up and down the ranks in waves: Chimera's small bubble with one copy of the weights",
    .source = "after Liu, Cheng, Zhou, You, \"Hanayo: Harnessing Wave-like Pipeline Parallelism for Enhanced "
              "Large Model Training Efficiency\", SC 2023; the slots are this project's definition",
    .placement = "wave",
    .options = {{.name = "waves",
                 .help = "times that the stages go up and down the ranks: V = 2 waves",
                 .default_value = std::int64_t{1},
                 .minimum = 1,
                 .maximum = 1000}},
    .chunk_rule = ChunkRule::Own,
    .makespan = {"M V (F+B) + 2(P-1)[B + (M/P - 1)(B-F)]", "per chunk; c = 0, P divides M, B >= F"},
    .bubble = {"2(P-1)[B + (M/P - 1)(B-F)] / makespan", "per chunk; c = 0, P divides M, B >= F"},
    .peak = {"(V-1)P + r + 1", "P divides M"},
    .generate = generate,
    .exact_makespan = exact_makespan,
    .exact_peak = exact_peak,
    .chunks = chunks,
}};

}  // namespace
}  // namespace ppsim::hanayo_schedule
