// 1F1B, called PipeDream-Flush in Narayanan et al., "Memory-Efficient Pipeline-Parallel DNN Training", ICML
// 2021, and DAPPLE in Fan et al., PPoPP 2021. The options lengthen the warm-up: more forwards in flight, at
// the price of memory. Two forwards a hop are Eager-1F1B of Zhuang et al., "On Optimizing the Communication
// of Model Parallelism", MLSys 2023: transfers then have a whole F and B to hide behind.
#include "schedule/generators/one_f_one_b.hpp"

#include "ppsim/schedule/registry.hpp"

namespace ppsim {
namespace {

// Forwards in the warm-up: h (P-1-r) + e.
struct Warmup {
  std::uint64_t per_hop;  // h
  std::uint64_t slack;    // e

  [[nodiscard]] std::uint64_t of(const Shape& shape, std::uint64_t r) const {
    return per_hop * (shape.ranks - 1 - r) + slack;
  }
};

Warmup plain(const ScheduleRequest& request) {
  return {static_cast<std::uint64_t>(request.integer("warmup_per_hop")),
          static_cast<std::uint64_t>(request.integer("slack"))};
}

Warmup eager(const ScheduleRequest& request) {
  return {2, static_cast<std::uint64_t>(request.integer("slack"))};
}

bool recomputes_ahead(const ScheduleRequest& request) {
  return request.integer("recompute_ahead") != 0;
}

Schedule generate(const char* name, const ScheduleRequest& request, Warmup warmup, bool recompute_ahead) {
  const auto [P, M, V] = request.shape;
  ScheduleWriter out(name, linear_placement(P), M, std::size_t{recompute_ahead ? 3U : 2U} * P * M);
  for (std::uint32_t r = 0; r < P; ++r) {
    write_one_f_one_b(
        M, warmup.of(request.shape, r), [&](std::uint64_t m) { out.forward(r, m); },
        [&](std::uint64_t m) {
          if (recompute_ahead) out.recompute(r, m);
          out.backward(r, m);
        });
    out.next_rank();
  }
  return std::move(out).take();
}

// With hops, the plain warm-up exposes each of them both ways for every round of P micro-batches.
std::optional<Time> exact_makespan(const ScheduleRequest& request, const UniformCosts& costs, Warmup warmup) {
  const std::int64_t P = request.shape.ranks;
  const std::int64_t M = request.shape.micro_batches;
  const Time c = costs.hop;
  const Time work = (M + P - 1) * (costs.forward + costs.backward);
  if (c == Time{} || P == 1) return work;
  const Time shorter = std::min(costs.forward, costs.backward);
  if (warmup.slack != 0 || warmup.per_hop > 2 || c > shorter) return std::nullopt;
  if (warmup.per_hop == 2) return work + 2 * (P - 1) * c;
  return work + 2 * c * (P - 2 + M - (M - 1 + P - 1) / P);
}

// R in front of B, without hops. The last rank runs F, R and B of each micro-batch without a pause, from
// (P-1)F on, and its last gradient takes (P-1)B to the first rank. Every other rank is as fast: when B(m)
// ends on the rank behind, F + R have passed since B(m-1) ended here, and R needs no gradient. So a rank's R
// fills what it would wait for the gradient, and none but the last rank's lengthens the step.
std::optional<Time> exact_ahead(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks;
  const std::int64_t M = request.shape.micro_batches;
  if (costs.hop != Time{} && P > 1) return std::nullopt;
  return M * (costs.forward + costs.recompute + costs.backward) + (P - 1) * (costs.forward + costs.backward);
}

std::uint64_t exact_peak(const ScheduleRequest& request, Rank rank, Warmup warmup) {
  return std::min<std::uint64_t>(request.shape.micro_batches, warmup.of(request.shape, index(rank)) + 1);
}

OptionSpec slack_option() {
  return {.name = "slack",
          .help = "more forwards in the warm-up, on every rank",
          .default_value = std::int64_t{0}};
}

const Registration registration{ScheduleInfo{
    .name = "1f1b",
    .summary = "a warm-up of forwards, then one forward and one backward in turn",
    .source = "Narayanan et al., \"Memory-Efficient Pipeline-Parallel DNN Training\", ICML 2021; Fan et al., "
              "\"DAPPLE\", PPoPP 2021",
    .placement = "linear",
    .options =
        {{.name = "warmup_per_hop",
          .help = "forwards in the warm-up for each rank behind; 2 is eager-1f1b",
          .default_value = std::int64_t{1},
          .minimum = 1},
         slack_option(),
         {.name = "recompute_ahead",
          .help = "1: recomputation is an op of its own, R, in front of its B; R runs while the rank waits "
                  "for the gradient",
          .default_value = std::int64_t{0},
          .maximum = 1}},
    .makespan = {"(M+P-1)(F+B) + 2c [P-2 + M - ceil((M-1)/P)]",
                 "P >= 2, c <= min(F, B); (M+P-1)(F+B) for c = 0 or P = 1; M(F+R+B) + (P-1)(F+B) for "
                 "recompute_ahead 1, c = 0"},
    .bubble = {"(P-1)/(M+P-1)", "c = 0, recompute_ahead 0"},
    .peak = {"min(M, P-r)", "default options; else min(M, warmup_per_hop (P-1-r) + slack + 1)"},
    .generate =
        [](const auto& request) {
          return generate("1f1b", request, plain(request), recomputes_ahead(request));
        },
    .exact_makespan =
        [](const auto& request, const auto& costs) {
          return recomputes_ahead(request) ? exact_ahead(request, costs)
                                           : exact_makespan(request, costs, plain(request));
        },
    .exact_peak = [](const auto& request, Rank rank) { return exact_peak(request, rank, plain(request)); },
}};

const Registration eager_registration{ScheduleInfo{
    .name = "eager-1f1b",
    .summary = "1F1B with two warm-up forwards a hop: transfers hide behind compute, for twice the memory",
    .source = "Zhuang et al., \"On Optimizing the Communication of Model Parallelism\", MLSys 2023",
    .placement = "linear",
    .options = {slack_option()},
    .makespan = {"(M+P-1)(F+B) + 2(P-1)c", "c <= min(F, B), slack 0; any slack for c = 0"},
    .bubble = {"(P-1)/(M+P-1)", "c = 0"},
    .peak = {"min(M, 2(P-r)-1 + slack)", ""},
    .generate = [](const auto& request) { return generate("eager-1f1b", request, eager(request), false); },
    .exact_makespan = [](const auto& request,
                         const auto& costs) { return exact_makespan(request, costs, eager(request)); },
    .exact_peak = [](const auto& request, Rank rank) { return exact_peak(request, rank, eager(request)); },
}};

}  // namespace
}  // namespace ppsim
