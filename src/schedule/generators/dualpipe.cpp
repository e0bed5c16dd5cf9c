// DualPipe: DeepSeek-AI, "DeepSeek-V3 Technical Report", 2024. DualPipeV: the same project, after Sea AI
// Lab's "cut-in-half", 2025. Forwards of one chunk overlap backwards of the other.
//
// One rule for both. An arm is n ranks, from the outer one to the rank where it turns; each holds the stage
// that begins there first (phase 0) and the other one (phase 1), for C micro-batches a stage. DualPipeV is an
// arm of P ranks, DualPipe two arms of P/2 that meet.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "ppsim/schedule/registry.hpp"

namespace ppsim::dualpipe_schedule {
namespace {

// A stage as a rank of the arm sees it.
struct Phase {
  std::uint32_t stage;
  std::uint32_t first;  // id of its first micro-batch
  std::uint32_t forwards = 0, backwards = 0;
};

class ArmRank {
 public:
  ArmRank(ScheduleWriter& out, std::array<Phase, 2> phases) : out_(out), phases_(phases) {}

  void write(std::uint32_t n, std::uint32_t i, std::uint32_t C) {
    const std::uint32_t hops = n - 1 - i;  // to the turning rank
    repeat(2 * hops, [&] { F(0); });
    repeat(i + 1, [&] { F(0), F(1); });
    repeat(hops, [&] { I(1), W(), F(1); });
    for (std::uint32_t pairs = 0; pairs < C - 2 * n + i + 1; ++pairs) {
      // The very first backward on the turning rank is that of the forward just before it.
      F(0, hops > 0 || pairs > 0), B(1);
      F(1, true), B(0);
    }
    repeat(hops, [&] { B(1), F(1, true), B(0); });
    for (std::uint32_t j = 0; j < 2 * (i + 1); ++j) {
      const std::size_t phase = 1 - j % 2;
      j <= i ? B(phase) : I(phase);
    }
    repeat(hops, [&] { W(), I(0); });
    repeat(i + 1, [&] { W(); });
    out_.next_rank();
  }

 private:
  template <class Action>
  static void repeat(std::uint32_t times, Action action) {
    for (std::uint32_t i = 0; i < times; ++i) action();
  }

  void F(std::size_t phase, bool overlaps_next = false) {
    Phase& p = phases_[phase];
    out_.forward(p.stage, p.first + p.forwards++);
    if (overlaps_next) out_.overlap_next();
  }
  void B(std::size_t phase) {
    Phase& p = phases_[phase];
    out_.backward(p.stage, p.first + p.backwards++);
  }
  void I(std::size_t phase) {
    Phase& p = phases_[phase];
    waiting_.push_back({p.stage, p.first + p.backwards});
    out_.input_grad(p.stage, p.first + p.backwards++);
  }
  void W() {  // the oldest that waits
    const auto [stage, micro_batch] = waiting_[weight_grads_++];
    out_.weight_grad(stage, micro_batch);
  }

  struct Unit {
    std::uint32_t stage, micro_batch;
  };

  ScheduleWriter& out_;
  std::array<Phase, 2> phases_;
  std::vector<Unit> waiting_;  // every I, in its order
  std::size_t weight_grads_ = 0;
};

// Ops of an arm: two stages a rank, each micro-batch F and B, but 2n-1-i of a rank's backwards in two.
std::size_t arm_ops(std::size_t n, std::size_t C) {
  return n * 4 * C + n * (2 * n - 1) - n * (n - 1) / 2;
}

Schedule generate_dualpipe(const ScheduleRequest& request) {
  const std::uint32_t P = request.shape.ranks, M = request.shape.micro_batches, C = M / 2;
  ScheduleWriter out("dualpipe", bidirectional_placement(P), M, 2 * arm_ops(P / 2, C));
  for (std::uint32_t r = 0; r < P; ++r) {
    const Phase down{r, 0}, up{P - 1 - r, C};
    const bool first_arm = r < P / 2;
    ArmRank(out, first_arm ? std::array{down, up} : std::array{up, down})
        .write(P / 2, std::min(r, P - 1 - r), C);
  }
  Schedule schedule = std::move(out).take();
  schedule.directions.assign(C, 0);
  schedule.directions.resize(M, 1);
  return schedule;
}

Schedule generate_dualpipev(const ScheduleRequest& request) {
  const auto [P, M, V] = request.shape;
  ScheduleWriter out("dualpipev", wave_placement(P, V), M, arm_ops(P, M));
  for (std::uint32_t r = 0; r < P; ++r) ArmRank(out, {Phase{r, 0}, Phase{2 * P - 1 - r, 0}}).write(P, r, M);
  return std::move(out).take();
}

std::optional<std::string> too_few(const Shape& shape) {
  if (shape.micro_batches >= 2 * std::uint64_t{shape.ranks}) return std::nullopt;
  return fmt::format("{} micro-batches with {} ranks: expected at least {}", shape.micro_batches, shape.ranks,
                     2 * std::uint64_t{shape.ranks});
}

std::optional<std::string> why_not_dualpipe(const ScheduleRequest& request) {
  const auto [P, M, V] = request.shape;
  if (P % 2 != 0) return fmt::format("{} ranks: expected an even number", P);
  if (M % 2 != 0) return fmt::format("{} micro-batches: expected an even number, half a direction", M);
  return too_few(request.shape);
}

// `units` forwards and as many backwards on each rank of an arm of n. The turning rank decides: it has least
// to fill its waits with, and no pair in its first two and last n steps of each stage.
std::optional<Time> exact_makespan(std::int64_t n, std::int64_t units, std::int64_t unpaired,
                                   const UniformCosts& costs) {
  const Time F = costs.forward, I = costs.input_grad, W = costs.weight_grad, B = I + W;
  const Time FB = costs.pair.value_or(F + B);
  const bool in_domain = W <= std::min(F, I) && (n - 1) * std::max(Time{}, I - F) <= W;
  const bool pairs_gain = std::max(F, B) <= FB && FB <= F + B;
  if (!in_domain || !pairs_gain || costs.hop != Time{}) return std::nullopt;
  return units * (F + B) - (units - unpaired) * (F + B - FB) + (n - 1) * (FB + F - 2 * W);
}

std::optional<Time> dualpipe_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches;
  return exact_makespan(P / 2, M, P + 1, costs);
}

std::optional<Time> dualpipev_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches;
  return exact_makespan(P, 2 * M, 2 * P + 1, costs);
}

constexpr const char* kDomain = "c = 0, B = I+W, W <= min(F, I), (n-1) max(0, I-F) <= W";

const Registration dualpipe_registration{ScheduleInfo{
    .name = "dualpipe",
    .summary = "two pipelines against each other whose forwards and backwards overlap; two copies of the "
               "weights",
    .source = "DeepSeek-AI, \"DeepSeek-V3 Technical Report\", 2024",
    .placement = "bidirectional",
    .constraint = "P even, M even, M >= 2P",
    .makespan = {"M(F+B) - (M-P-1)(F+B-FB) + (P/2-1)(FB+F-2W)", fmt::format("{}, n = P/2", kDomain)},
    .bubble = {"(P/2-1)(FB+F-2W) on the turning rank", fmt::format("{}, n = P/2", kDomain)},
    .peak = {"P+1", ""},
    .why_not = why_not_dualpipe,
    .generate = generate_dualpipe,
    .exact_makespan = dualpipe_makespan,
    .exact_peak = [](const auto& request, Rank) { return request.shape.ranks + std::uint64_t{1}; },
}};

const Registration dualpipev_registration{ScheduleInfo{
    .name = "dualpipev",
    .summary = "DualPipe cut in half: the V of two chunks a rank, with one copy of the weights",
    .source = "Sea AI Lab, \"DualPipe could be better without the Dual\", 2025; the DualPipe project",
    .placement = "V-shape",
    .constraint = "M >= 2P",
    .chunk_rule = ChunkRule::Two,
    .makespan = {"2M(F+B) - (2M-2P-1)(F+B-FB) + (P-1)(FB+F-2W)",
                 fmt::format("per chunk; {}, n = P", kDomain)},
    .bubble = {"(P-1)(FB+F-2W) on the turning rank", fmt::format("per chunk; {}, n = P", kDomain)},
    .peak = {"2P+1", "in chunks, which are half a stage"},
    .why_not = [](const auto& request) { return too_few(request.shape); },
    .generate = generate_dualpipev,
    .exact_makespan = dualpipev_makespan,
    .exact_peak = [](const auto& request, Rank) { return 2 * std::uint64_t{request.shape.ranks} + 1; },
}};

}  // namespace
}  // namespace ppsim::dualpipe_schedule
