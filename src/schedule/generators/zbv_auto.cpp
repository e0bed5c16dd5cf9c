// ZB-V from costs: Qi, Wan, Amar, Lin, "Pipeline Parallelism with Controllable Memory", NeurIPS 2024; the
// heuristic of the sail-sg project. Rank r holds stage r on the way down the V and 2P-1-r on the way back. A
// micro-batch passes four phases on each rank: F down, F back, I of the stage back, I of the stage down.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "ppsim/core/error.hpp"
#include "schedule/generators/cost_aware.hpp"

namespace ppsim::zbv_auto_schedule {
namespace {

// Cells of a program: the phase, or W. W come in the order of their I.
using Cell = std::uint8_t;
constexpr Cell kWeightGrad = 4;

// A rank and how far it has come.
struct Lane {
  std::array<std::uint32_t, 4> count{};  // micro-batches that have passed each phase
  std::uint32_t weight_grads = 0;
  Time clock{};
  Time gap{};     // waits since its first forward
  Time credit{};  // gap that it may have at no cost, after the run before
  Bytes kept;

  [[nodiscard]] std::uint32_t pending() const { return count[2] + count[3] - weight_grads; }
  [[nodiscard]] std::size_t ops() const {
    return std::size_t{count[0]} + count[1] + count[2] + count[3] + weight_grads;
  }
};

// Equal chunks: the largest figures where they differ, so that the limit holds for each.
struct ChunkCosts {
  Time forward{}, input_grad{}, weight_grad{};
  OpMemory memory;
};

ChunkCosts chunk_costs(const Workload& workload) {
  ChunkCosts all;
  Bytes activation, rest;
  for (const StageCosts& costs : workload.stages) {
    all.forward = std::max(all.forward, costs.duration(OpKind::Forward));
    all.input_grad = std::max(all.input_grad, costs.duration(OpKind::InputGrad));
    all.weight_grad = std::max(all.weight_grad, costs.duration(OpKind::WeightGrad));
    activation = std::max(activation, costs.activation);
    rest = std::max(rest, costs.activation - costs.activation_freed_at_input_grad);
  }
  all.memory = op_memory(activation, rest);
  return all;
}

// What the heuristic leaves open: whether a W may overrun the wait for an I going back, and for an F.
struct Choice {
  bool overrun_backward, overrun_forward;
};

class Builder {
 public:
  explicit Builder(const ScheduleRequest& request)
      : P_(request.shape.ranks),
        M_(request.shape.micro_batches),
        hop_(largest_hop(wave_placement(P_, 2), *request.costs)),
        costs_(chunk_costs(*request.costs)),
        limit_(limit_bytes(request.limit("limit"), P_, 2 * (std::uint64_t{M_} + P_), costs_.memory.forward)),
        lanes_(P_),
        goes_up_(P_) {
    const std::size_t units = std::size_t{P_} * M_;
    for (std::vector<Time>& end : end_) end.resize(units);
    programs.resize(6 * units);
  }

  std::vector<Cell> programs;  // [P][6M] of the last run

  // The largest gap of a rank, or empty where it is not below `bound`.
  std::optional<Time> run(Choice choice, Time bound) {
    for (Lane& lane : lanes_) lane = Lane{.credit = lane.credit};
    worst_ = Time{};
    fill_first_micro_batches();
    even_out();
    for (std::uint32_t step = 0; step < 2 * M_ && worst_ < bound; ++step) {
      backward_step(choice);
      for (std::size_t r = 0; r < P_; ++r) forward_step(r, choice);
    }
    if (worst_ >= bound) return std::nullopt;
    for (std::size_t r = 0; r < P_; ++r) {
      while (lanes_[r].pending() > 0) put_weight_grad(r);
    }
    return worst_;
  }

  // Before the next run: ranks that waited less than the worst may wait as long.
  void give_credit() {
    for (Lane& lane : lanes_) lane.credit = worst_ - lane.gap;
  }
  void take_credit() {
    for (Lane& lane : lanes_) lane.credit = Time{};
  }

 private:
  // The first micro-batch down the V and back; forwards behind it fill the wait for its return.
  void fill_first_micro_batches() {
    for (std::size_t r = 0; r < P_; ++r) put(0, r);
    for (std::size_t r = P_; r-- > 0;) {
      if (r + 1 < P_) {
        const Time arrival = end_[1][unit(r + 1, 0)] + hop_;
        const std::int64_t room = 2 + 2 * static_cast<std::int64_t>(r);  // for what comes before it drains
        while (lanes_[r].kept + room * costs_.memory.forward <= limit_ &&
               lanes_[r].clock + costs_.forward <= arrival && lanes_[r].count[0] < M_) {
          for (std::size_t j = 0; j <= r; ++j) put(0, j);
        }
      }
      put(1, r);
    }
  }

  // Forwards on the way down and on the way back in turn, until no rank has had fewer than the one before it.
  void even_out() {
    std::size_t phase = 0;
    for (std::size_t r = 1; r < P_; ++r) {
      while (is_behind(lanes_[r], lanes_[r - 1])) {
        for (std::size_t j = P_; j-- > r;) {
          if (lanes_[j].count[phase] < M_) put(phase, j);
        }
        phase = 1 - phase;
      }
    }
  }

  bool is_behind(const Lane& lane, const Lane& before) const {
    if (lane.count[0] + lane.count[1] < before.count[0] + before.count[1]) return true;
    return lane.count[1] <= before.count[1] && before.count[1] < M_;
  }

  // One I on each rank. Those that can take the gradient from below do, in the order in which it goes up.
  void backward_step(Choice choice) {
    for (std::size_t r = 0; r < P_; ++r) {
      const auto& count = lanes_[r].count;
      goes_up_[r] =
          count[3] < count[2] && (r + 1 == P_ || lanes_[r + 1].count[3] > count[3] || count[2] == M_);
    }
    for (std::size_t r = P_; r-- > 0;) {
      if (goes_up_[r]) fill_and_put(3, r, true);
    }
    for (std::size_t r = 0; r < P_; ++r) {
      if (!goes_up_[r]) fill_and_put(2, r, choice.overrun_backward);
    }
  }

  // Back before down, where the micro-batch has come so far.
  void forward_step(std::size_t r, Choice choice) {
    const auto& count = lanes_[r].count;
    if (count[1] == M_) return;
    const bool back = count[1] < count[0] && (r + 1 == P_ || lanes_[r + 1].count[1] > count[1]);
    const bool down =
        count[1] == count[0] || (count[0] < M_ && (r == 0 || lanes_[r - 1].count[0] > count[0]));
    if (!back && !down) return;
    while (lanes_[r].kept + costs_.memory.forward > limit_) put_weight_grad(r);
    fill_and_put(back ? 1 : 0, r, choice.overrun_forward);
  }

  // W that fit into the wait for what arrives, and one more that overruns it where the rank has waited most.
  void fill_and_put(std::size_t phase, std::size_t r, bool may_overrun) {
    if (const auto arrival = arrival_of(phase, r)) {
      Lane& lane = lanes_[r];
      while (lane.pending() > 0 && lane.clock + costs_.weight_grad <= *arrival) put_weight_grad(r);
      if (may_overrun && lane.pending() > 0 &&
          *arrival - lane.clock > std::max(worst_, lane.credit) - lane.gap) {
        put_weight_grad(r);
      }
    }
    put(phase, r);
  }

  // When what the next micro-batch needs for a phase comes from another rank.
  [[nodiscard]] std::optional<Time> arrival_of(std::size_t phase, std::size_t r) const {
    const bool down = phase % 2 == 0;
    if (r == (down ? 0 : P_ - 1)) return std::nullopt;
    return end_[phase][unit(down ? r - 1 : r + 1, lanes_[r].count[phase])] + hop_;
  }

  void put(std::size_t phase, std::size_t r) {
    Lane& lane = lanes_[r];
    if (const auto arrival = arrival_of(phase, r)) wait(lane, *arrival);
    record(r, static_cast<Cell>(phase));
    const bool forward = phase < 2;
    lane.clock += forward ? costs_.forward : costs_.input_grad;
    lane.kept += forward ? costs_.memory.forward : costs_.memory.input_grad;
    end_[phase][unit(r, lane.count[phase]++)] = lane.clock;
  }

  void put_weight_grad(std::size_t r) {
    Lane& lane = lanes_[r];
    PPSIM_ASSERT(lane.pending() > 0, fmt::format("rank {} has no W to put", r));
    record(r, kWeightGrad);
    lane.clock += costs_.weight_grad;
    lane.kept += costs_.memory.weight_grad;
    ++lane.weight_grads;
  }

  void record(std::size_t r, Cell cell) { programs[6 * r * M_ + lanes_[r].ops()] = cell; }

  void wait(Lane& lane, Time arrival) {
    if (arrival <= lane.clock) return;
    if (lane.count[0] > 0) lane.gap += arrival - lane.clock;
    worst_ = std::max(worst_, lane.gap);
    lane.clock = arrival;
  }

  [[nodiscard]] std::size_t unit(std::size_t r, std::uint32_t micro_batch) const {
    return micro_batch * lanes_.size() + r;
  }

  std::uint32_t P_, M_;
  Time hop_;
  ChunkCosts costs_;
  Bytes limit_;
  std::array<std::vector<Time>, 4> end_;  // [phase][M][P], so that those of now lie close

  std::vector<Lane> lanes_;
  std::vector<std::uint8_t> goes_up_;
  Time worst_{};  // largest gap of a rank so far
};

// The first of the best of all four, each refined for as long as it gets better.
std::vector<Cell> best_programs(const ScheduleRequest& request) {
  Builder builder(request);
  std::vector<Cell> best(builder.programs.size());
  Time least = Time::max();
  for (const Choice choice : {Choice{true, true}, {true, false}, {false, true}, {false, false}}) {
    builder.take_credit();
    Time bound = Time::max();
    while (const auto gap = builder.run(choice, bound)) {
      bound = *gap;
      builder.give_credit();
      if (*gap >= least) continue;
      least = *gap;
      best.swap(builder.programs);
    }
  }
  return best;
}

void write_rank(ScheduleWriter& out, std::span<const Cell> program,
                const std::array<std::uint32_t, 4>& stages) {
  std::array<std::uint32_t, 4> count{}, weight_grads{};
  std::size_t next = 0;  // I that the next W belongs to
  for (const Cell cell : program) {
    if (cell < 2) out.forward(stages[cell], count[cell]++);
    if (cell == 2 || cell == 3) out.input_grad(stages[cell], count[cell]++);
    if (cell != kWeightGrad) continue;
    while (program[next] != 2 && program[next] != 3) ++next;
    const Cell phase = program[next++];
    out.weight_grad(stages[phase], weight_grads[phase]++);
  }
  out.next_rank();
}

Schedule generate(const ScheduleRequest& request) {
  const auto [P, M, V] = request.shape;
  const std::vector<Cell> programs = best_programs(request);
  ScheduleWriter out("zbv-auto", wave_placement(P, V), M, programs.size());
  for (std::uint32_t r = 0; r < P; ++r) {
    const std::uint32_t a = r, z = 2 * P - 1 - r;
    write_rank(out, std::span(programs).subspan(std::size_t{6} * r * M, std::size_t{6} * M), {a, z, z, a});
  }
  return std::move(out).take();
}

std::optional<std::string> why_not(const ScheduleRequest& request) {
  const auto [P, M, V] = request.shape;
  if (auto reason = why_not_costs(request, wave_placement(P, V))) return reason;
  const Bytes forward = chunk_costs(*request.costs).memory.forward;
  const std::string what = fmt::format("the activations of 2P = {} chunks", 2 * P);
  return why_not_limit(request.limit("limit"), P, 2 * std::uint64_t{P}, forward, what);
}

bool equal_ops_free_hops(const UniformCosts& costs) {
  return costs.forward == costs.input_grad && costs.input_grad == costs.weight_grad && costs.hop == Time{};
}

std::optional<Time> exact_span(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches;
  if (!equal_ops_free_hops(costs) || M < 2 * P - 1) return std::nullopt;
  return 6 * M * costs.forward;
}

std::optional<Time> exact_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches;
  if (!equal_ops_free_hops(costs) || M < P) return std::nullopt;
  return 6 * M * costs.forward + (P - 1) * costs.forward;
}

const Registration registration{ScheduleInfo{
    .name = "zbv-auto",
    .summary = "ZB-V found from the costs: a V of two chunks a rank within a memory limit, by default 1F1B's",
    .source = "Qi, Wan, Amar, Lin, \"Pipeline Parallelism with Controllable Memory\", NeurIPS 2024; the "
              "heuristic of the sail-sg project",
    .placement = "V-shape",
    .constraint = "limit >= the activations of 2P chunks",
    .options = {{.name = "limit",
                 .help = "most activation memory of a rank: \"2p\" is what 2P chunks take, which is 1F1B's "
                         "as a chunk is half a stage; or bytes; without activation sizes p counts chunks",
                 .default_value = MemoryLimit{2, {}}}},
    .chunk_rule = ChunkRule::Two,
    .makespan = {"2M(F+I+W) + (P-1)F", "per chunk; F = I = W, c = 0, M >= P"},
    .span = {"2M(F+I+W)", "per chunk; F = I = W, c = 0, M >= 2P-1"},
    .bubble = {"(P-1)F / makespan; of the rank span 0", "F = I = W, c = 0, M >= 2P-1"},
    .peak = {"at most the limit", ""},
    .why_not = why_not,
    .generate = generate,
    .exact_makespan = exact_makespan,
    .exact_span = exact_span,
}};

}  // namespace
}  // namespace ppsim::zbv_auto_schedule
