// Inference: prefill of M requests, then token steps in which the last stage's token returns to the first
// stage. Our own definition of what serving systems do with a pipeline of layers; index u = t M + q is token
// step t of request q.
#include <algorithm>

#include "ppsim/schedule/registry.hpp"

namespace ppsim::inference_schedule {
namespace {

// Prefill and the token steps.
std::uint64_t units(const OptionValues& options) {
  return static_cast<std::uint64_t>(std::get<std::int64_t>(options.at("decode_steps"))) + 1;
}

Schedule generate(const ScheduleRequest& request) {
  const std::uint32_t P = request.shape.ranks;
  const auto n = static_cast<std::uint32_t>(request.shape.micro_batches * units(request.options));
  ScheduleWriter out("inference", linear_placement(P), n, std::size_t{P} * n);
  for (std::uint32_t r = 0; r < P; ++r) {
    for (std::uint32_t u = 0; u < n; ++u) out.forward(r, u);
    out.next_rank();
  }
  Schedule schedule = std::move(out).take();
  schedule.forward_only = true;
  schedule.requests = request.shape.micro_batches;
  return schedule;
}

// Prefill and decode alike take F: a token step of all requests takes M F, or a trip around the ring where
// that is longer.
std::optional<Time> exact_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks;
  const std::int64_t M = request.shape.micro_batches;
  const Time F = costs.forward;
  const Time c = P > 1 ? costs.hop : Time{};
  return (M + P - 1) * F + (P - 1) * c + request.integer("decode_steps") * std::max(M * F, P * (F + c));
}

const Registration registration{ScheduleInfo{
    .name = "inference",
    .summary = "forward only: prefill of M requests, then token steps around the pipeline",
    .source = "definition of this project",
    .placement = "linear",
    .options = {{.name = "decode_steps",
                 .help = "tokens that each request produces after prefill",
                 .default_value = std::int64_t{1}}},
    .forward_only = true,
    .makespan = {"(M+P-1)F + (P-1)c + T max(M F, P(F+c))", "decode F = prefill F, T = decode_steps"},
    .bubble = {"decode has none once M F >= P(F+c)", ""},
    .peak = {"KV cache instead: grows by a token a step and request", ""},
    .generate = generate,
    .exact_makespan = exact_makespan,
    .units = units,
}};

}  // namespace
}  // namespace ppsim::inference_schedule
