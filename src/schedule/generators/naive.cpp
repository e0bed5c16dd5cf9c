// One micro-batch in the pipeline at a time: the next enters stage 0 when the gradient of the one before has
// left it.
#include "ppsim/schedule/registry.hpp"

namespace ppsim::naive_schedule {
namespace {

// Rank 0 may not start F(m+1) before its B(m), which alone makes everything serial.
Schedule generate(const ScheduleRequest& request) {
  const auto [P, M, V] = request.shape;
  ScheduleWriter out("naive", linear_placement(P), M, std::size_t{2} * P * M);
  for (std::uint32_t r = 0; r < P; ++r) {
    for (std::uint32_t m = 0; m < M; ++m) {
      out.forward(r, m);
      out.backward(r, m);
    }
    out.next_rank();
  }
  return std::move(out).take();
}

std::optional<Time> exact_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks;
  const std::int64_t M = request.shape.micro_batches;
  return M * P * (costs.forward + costs.backward) + 2 * M * (P - 1) * costs.hop;
}

const Registration registration{ScheduleInfo{
    .name = "naive",
    .summary = "one micro-batch in the pipeline at a time; the others wait",
    .source = "the baseline of Huang et al., \"GPipe\", NeurIPS 2019, figure 2b",
    .placement = "linear",
    .options = {},
    .makespan = {"M P (F+B) + 2 M (P-1) c", ""},
    .bubble = {"1 - 1/P", "c = 0"},
    .peak = {"1", ""},
    .generate = generate,
    .exact_makespan = exact_makespan,
    .exact_peak = [](const ScheduleRequest&, Rank) -> std::optional<std::uint64_t> { return 1; },
}};

}  // namespace
}  // namespace ppsim::naive_schedule
