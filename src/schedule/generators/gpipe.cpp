// Huang et al., "GPipe: Efficient Training of Giant Neural Networks using Pipeline Parallelism", NeurIPS
// 2019.
#include "ppsim/schedule/registry.hpp"

namespace ppsim::gpipe_schedule {
namespace {

Schedule generate(const ScheduleRequest& request) {
  const auto [P, M, V] = request.shape;
  const bool descending = request.text("backward_order") == "descending";
  ScheduleWriter out("gpipe", linear_placement(P), M, std::size_t{2} * P * M);
  for (std::uint32_t r = 0; r < P; ++r) {
    for (std::uint32_t m = 0; m < M; ++m) out.forward(r, m);
    for (std::uint32_t m = 0; m < M; ++m) out.backward(r, descending ? M - 1 - m : m);
    out.next_rank();
  }
  return std::move(out).take();
}

// Any F, B and c: the forwards run as one wave through the pipeline, the backwards as another.
std::optional<Time> exact_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks;
  const std::int64_t M = request.shape.micro_batches;
  return (M + P - 1) * (costs.forward + costs.backward) + 2 * (P - 1) * costs.hop;
}

std::optional<std::uint64_t> exact_peak(const ScheduleRequest& request, Rank) {
  return request.shape.micro_batches;
}

const Registration registration{ScheduleInfo{
    .name = "gpipe",
    .summary = "all forwards, then all backwards",
    .source = "Huang et al., \"GPipe: Efficient Training of Giant Neural Networks using Pipeline "
              "Parallelism\", NeurIPS 2019",
    .placement = "linear",
    .options = {{.name = "backward_order",
                 .help = "in which order the micro-batches go backward; descending is the paper's figure",
                 .default_value = "ascending",
                 .choices = {"ascending", "descending"}}},
    .makespan = {"(M+P-1)(F+B) + 2(P-1)c", ""},
    .bubble = {"(P-1)/(M+P-1)", "c = 0"},
    .peak = {"M", ""},
    .generate = generate,
    .exact_makespan = exact_makespan,
    .exact_peak = exact_peak,
}};

}  // namespace
}  // namespace ppsim::gpipe_schedule
