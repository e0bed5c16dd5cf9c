// Li, Hoefler, "Chimera: Efficiently Training Large-Scale Neural Networks with Bidirectional Pipelines", SC
// 2021, with direct concatenation: two pipelines against each other, so that the one's bubble is the other's
// work.
#include <fmt/format.h>

#include <algorithm>

#include "ppsim/schedule/registry.hpp"
#include "schedule/generators/slot_table.hpp"

namespace ppsim::chimera_schedule {
namespace {

// D ranks and N micro-batches, the paper's names. Slots are those of F = B = 1; a block is D micro-batches, h
// = D/2 a direction. Micro-batch k h + j of a direction is the j-th of block k.
Schedule generate(const ScheduleRequest& request) {
  const std::uint32_t D = request.shape.ranks, N = request.shape.micro_batches, h = D / 2;
  ScheduleWriter out("chimera", bidirectional_placement(D), N, std::size_t{2} * D * N);
  SlotTable table(2 * std::size_t{N} + 4 * std::size_t{D});
  for (std::uint32_t r = 0; r < D; ++r) {
    for (const std::uint32_t up : {0U, 1U}) {
      const std::uint32_t s = up == 1 ? D - 1 - r : r;
      for (std::uint32_t m = 0; m < N / 2; ++m) {
        const std::size_t start = std::size_t{2} * D * (m / h) + 2 * (m % h);
        table.put(start + s, OpKind::Forward, s, up * (N / 2) + m);
        table.put(start + 2 * D - 1 - s, OpKind::Backward, s, up * (N / 2) + m);
      }
    }
    table.write_rank(out);
  }
  Schedule schedule = std::move(out).take();
  schedule.directions.assign(N / 2, 0);
  schedule.directions.resize(N, 1);
  return schedule;
}

std::optional<std::string> why_not(const ScheduleRequest& request) {
  const auto [D, N, V] = request.shape;
  if (D % 2 != 0) return fmt::format("{} ranks: expected an even number", D);
  if (N % 2 != 0) return fmt::format("{} micro-batches: expected an even number, half a direction", N);
  return std::nullopt;
}

// B longer than F: every block of D micro-batches but the first waits on the ramp once more.
std::optional<Time> exact_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t D = request.shape.ranks, N = request.shape.micro_batches;
  const Time F = costs.forward, B = costs.backward;
  if (N % D != 0 || B < F || costs.hop != Time{}) return std::nullopt;
  return N * (F + B) + (D - 2) * (B + (N / D - 1) * (B - F));
}

std::optional<std::uint64_t> exact_peak(const ScheduleRequest& request, Rank rank) {
  const std::uint64_t D = request.shape.ranks, r = index(rank);
  if (request.shape.micro_batches % D != 0) return std::nullopt;
  return std::min(D / 2 + 1 + std::min(r, D - 1 - r), D);
}

const Registration registration{ScheduleInfo{
    .name = "chimera",
    .summary =
        "two pipelines against each other, half the micro-batches each: half the bubble, two copies of "
        "the weights",
    .source = "Li, Hoefler, \"Chimera: Efficiently Training Large-Scale Neural Networks with Bidirectional "
              "Pipelines\", SC 2021",
    .placement = "bidirectional",
    .constraint = "P even, M even",
    .makespan = {"M(F+B) + (P-2)[B + (M/P - 1)(B-F)]", "c = 0, P divides M, B >= F"},
    .bubble = {"(P-2)[B + (M/P - 1)(B-F)] / makespan", "c = 0, P divides M, B >= F"},
    .peak = {"min(P/2 + 1 + min(r, P-1-r), P)", "P divides M"},
    .why_not = why_not,
    .generate = generate,
    .exact_makespan = exact_makespan,
    .exact_peak = exact_peak,
}};

}  // namespace
}  // namespace ppsim::chimera_schedule
