// ZB-1p, ZB-2p and any other memory limit: Qi, Wan, Huang, Lin, "Zero Bubble Pipeline Parallelism", ICLR
// 2024, section on automatic scheduling, after the heuristic of the sail-sg project. Ops are put at the end
// of one rank's program after the other's, as a clock per rank says. We depart from it where costs differ
// between ranks: a rank never has more forwards before its first gradient than the rank before it.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "ppsim/core/error.hpp"
#include "schedule/generators/cost_aware.hpp"

namespace ppsim::zb_auto_schedule {
namespace {

// A rank, its costs and how far it has come.
struct Lane {
  Time forward, input_grad, weight_grad;  // F, I, W
  OpMemory memory;
  Bytes limit;

  std::uint32_t forwards = 0, input_grads = 0, weight_grads = 0;  // put so far
  std::uint32_t extra = 0;                                        // forwards before the first gradient
  bool wants_forward = false;
  Time clock{};
  Time gap{};  // waits since its first forward
  Bytes kept;

  [[nodiscard]] std::uint32_t pending() const { return input_grads - weight_grads; }
  [[nodiscard]] std::size_t ops() const { return std::size_t{forwards} + input_grads + weight_grads; }
};

// What the heuristic leaves open; all eight combinations are tried.
struct Choice {
  bool tight;    // extra forwards must have ended, not only begun, when the first gradient arrives
  bool patient;  // no forward where it would delay the next rank's gradient
  bool eager;    // W that overruns the end of a wait, whatever the rank has waited before
};

class Builder {
 public:
  explicit Builder(const ScheduleRequest& request)
      : M_(request.shape.micro_batches),
        makespan_(request.text("objective") == "makespan"),
        hop_(largest_hop(linear_placement(request.shape.ranks), *request.costs)) {
    const std::uint32_t P = request.shape.ranks;
    for (const StageCosts& costs : request.costs->stages) {
      Lane& lane =
          start_.emplace_back(Lane{costs.duration(OpKind::Forward), costs.duration(OpKind::InputGrad),
                                   costs.duration(OpKind::WeightGrad)});
      lane.memory = op_memory(costs.activation, costs.activation - costs.activation_freed_at_input_grad);
      lane.limit = limit_bytes(request.limit("limit"), P, M_, lane.memory.forward);
    }
    const std::size_t units = std::size_t{P} * M_;
    forward_end_.resize(units);
    input_grad_end_.resize(units);
    programs.resize(3 * units);
  }

  std::vector<OpKind> programs;  // [P][3M] of the last run; kinds alone, as micro-batches count upward

  // The objective reached, or empty where it is not below `bound`; the run ends as soon as that is certain.
  std::optional<Time> run(Choice choice, Time bound) {
    choice_ = choice;
    lanes_ = start_;
    worst_ = objective_ = Time{};
    fill_pipeline();
    for (std::uint32_t i = 1; i < M_ && objective_ < bound; ++i) {
      choose_forwards();
      for (std::size_t r = 0; r < lanes_.size(); ++r) forward_step(r);
      for (std::size_t r = lanes_.size(); r-- > 0;) backward_step(r, i);
    }
    if (objective_ >= bound) return std::nullopt;
    for (std::size_t r = 0; r < lanes_.size(); ++r) put_all_weight_grads(r);
    return objective_;
  }

 private:
  // Up to the first gradient of every rank.
  void fill_pipeline() {
    for (std::size_t r = 0; r < lanes_.size(); ++r) put_forward(r);
    for (std::size_t r = 0; r < lanes_.size(); ++r) objective_ = std::max(objective_, without_gaps(r));
    choose_extra_forwards();
    trim_extra_forwards();
    for (std::size_t r = 0; r < lanes_.size(); ++r) {
      for (std::uint32_t n = lanes_[r].extra; n > 0; --n) put_forward(r);
    }
    for (std::size_t r = lanes_.size(); r-- > 0;) put_input_grad(r);
  }

  // As many as fit into the wait for the first gradient and into memory.
  void choose_extra_forwards() {
    Time gradient = lanes_.back().clock + lanes_.back().input_grad;
    for (std::size_t r = lanes_.size() - 1; r-- > 0;) {
      Lane& lane = lanes_[r];
      const Time arrival = gradient + hop_;
      Time now = lane.clock;
      Bytes kept = lane.kept;
      while (lane.forwards + lane.extra < M_ && kept + lane.memory.forward <= lane.limit &&
             (choice_.tight ? now + lane.forward <= arrival : now < arrival)) {
        kept += lane.memory.forward;
        now += lane.forward;
        ++lane.extra;
      }
      gradient = std::max(now, arrival) + lane.input_grad;
    }
  }

  // Each rank keeps fewer than the one before it, unless it has them all: or it would wait for forwards that
  // the rank before puts behind a gradient.
  void trim_extra_forwards() {
    for (std::size_t r = 1; r < lanes_.size(); ++r) {
      const std::uint32_t before = lanes_[r - 1].extra;
      const bool may_be_equal = before == 0 || before + 1 == M_;
      lanes_[r].extra = std::min(lanes_[r].extra, may_be_equal ? before : before - 1);
    }
  }

  // A rank goes on forward only if the next one does, so that nothing piles up between them.
  void choose_forwards() {
    bool wanted = true;
    for (std::size_t r = lanes_.size(); r-- > 0;) {
      wanted = wanted && wants_forward(r);
      lanes_[r].wants_forward = wanted;
    }
  }

  bool wants_forward(std::size_t r) const {
    const Lane& lane = lanes_[r];
    if (lane.forwards == M_) return false;
    if (!choice_.patient || r + 1 == lanes_.size()) return true;
    const Lane& next = lanes_[r + 1];
    if (lane.forwards < next.forwards + 2) return true;
    const Time gradient = next.clock + next.forward + next.input_grad + hop_;
    if (lane.clock >= gradient) return false;
    return lane.clock + lane.forward + time_to_make_room(lane) <= gradient ||
           gradient - lane.clock > worst_ - lane.gap;
  }

  // Of the W that must come before one more forward fits.
  static Time time_to_make_room(const Lane& lane) {
    Time time{};
    Bytes excess = lane.kept + lane.memory.forward - lane.limit;
    for (std::uint32_t n = lane.pending(); n > 0 && excess > Bytes(0); --n) {
      excess += lane.memory.weight_grad;
      time += lane.weight_grad;
    }
    return time;
  }

  void forward_step(std::size_t r) {
    Lane& lane = lanes_[r];
    if (!lane.wants_forward) return;
    while (lane.kept + lane.memory.forward > lane.limit) put_weight_grad(r);
    if (r > 0) fill(r, forward_end_[unit(r - 1, lane.forwards)] + hop_);
    put_forward(r);
  }

  // I frees memory, so that room for it there is.
  void backward_step(std::size_t r, std::uint32_t micro_batch) {
    if (r + 1 < lanes_.size()) fill(r, input_grad_end_[unit(r + 1, micro_batch)] + hop_);
    if (r == 0 && lanes_[0].forwards == M_) put_all_weight_grads(0);
    put_input_grad(r);
  }

  // W that fit into the wait for what arrives, and one more that overruns it where the rank has waited most.
  void fill(std::size_t r, Time arrival) {
    Lane& lane = lanes_[r];
    while (lane.pending() > 0 && lane.clock + lane.weight_grad <= arrival) put_weight_grad(r);
    if (lane.pending() == 0 || lane.clock >= arrival) return;
    if (choice_.eager || arrival - lane.clock > worst_ - lane.gap) put_weight_grad(r);
  }

  void put_forward(std::size_t r) {
    Lane& lane = lanes_[r];
    if (r > 0) wait(r, forward_end_[unit(r - 1, lane.forwards)] + hop_);
    record(r, OpKind::Forward);
    lane.clock += lane.forward;
    lane.kept += lane.memory.forward;
    forward_end_[unit(r, lane.forwards++)] = lane.clock;
  }

  void put_input_grad(std::size_t r) {
    Lane& lane = lanes_[r];
    if (r + 1 < lanes_.size()) wait(r, input_grad_end_[unit(r + 1, lane.input_grads)] + hop_);
    record(r, OpKind::InputGrad);
    lane.clock += lane.input_grad;
    lane.kept += lane.memory.input_grad;
    input_grad_end_[unit(r, lane.input_grads++)] = lane.clock;
  }

  void put_weight_grad(std::size_t r) {
    Lane& lane = lanes_[r];
    PPSIM_ASSERT(lane.pending() > 0, fmt::format("rank {} has no W to put", r));
    record(r, OpKind::WeightGrad);
    lane.clock += lane.weight_grad;
    lane.kept += lane.memory.weight_grad;
    ++lane.weight_grads;
  }

  void put_all_weight_grads(std::size_t r) {
    while (lanes_[r].pending() > 0) put_weight_grad(r);
  }

  void record(std::size_t r, OpKind kind) { programs[3 * r * M_ + lanes_[r].ops()] = kind; }

  void wait(std::size_t r, Time arrival) {
    Lane& lane = lanes_[r];
    if (arrival <= lane.clock) return;
    if (lane.forwards > 0) {
      lane.gap += arrival - lane.clock;
      worst_ = std::max(worst_, lane.gap);
      objective_ = std::max(objective_, without_gaps(r) + lane.gap);
    }
    lane.clock = arrival;
  }

  // What a rank adds to the objective but for its gaps: its work, and before that, in the makespan, the time
  // at which it begins.
  [[nodiscard]] Time without_gaps(std::size_t r) const {
    const Lane& lane = lanes_[r];
    const Time begin = makespan_ ? forward_end_[unit(r, 0)] - lane.forward : Time{};
    return begin + M_ * (lane.forward + lane.input_grad + lane.weight_grad);
  }

  [[nodiscard]] std::size_t unit(std::size_t r, std::uint32_t micro_batch) const {
    return micro_batch * lanes_.size() + r;
  }

  std::uint32_t M_;
  bool makespan_;
  Time hop_;
  std::vector<Lane> start_;
  std::vector<Time> forward_end_, input_grad_end_;  // [M][P], so that those of now lie close

  Choice choice_{};
  std::vector<Lane> lanes_;
  Time worst_{};      // largest gap of a rank so far
  Time objective_{};  // what the ranks' gaps make of it so far
};

// The first of the best of all eight.
std::vector<OpKind> best_programs(const ScheduleRequest& request) {
  Builder builder(request);
  std::vector<OpKind> best(builder.programs.size());
  Time objective = Time::max();
  for (const bool tight : {true, false}) {
    for (const bool patient : {true, false}) {
      for (const bool eager : {true, false}) {
        const auto reached = builder.run({tight, patient, eager}, objective);
        if (!reached) continue;
        objective = *reached;
        best.swap(builder.programs);
      }
    }
  }
  return best;
}

Schedule generate(const ScheduleRequest& request) {
  const auto [P, M, V] = request.shape;
  const std::vector<OpKind> programs = best_programs(request);
  ScheduleWriter out("zb-auto", linear_placement(P), M, programs.size());
  for (std::uint32_t r = 0; r < P; ++r) {
    std::uint32_t forwards = 0, input_grads = 0, weight_grads = 0;
    for (const OpKind kind : std::span(programs).subspan(std::size_t{3} * r * M, std::size_t{3} * M)) {
      std::uint32_t& count = kind == OpKind::Forward     ? forwards
                             : kind == OpKind::InputGrad ? input_grads
                                                         : weight_grads;
      out.push({kind, false, static_cast<Stage>(r), MicroBatch{count++}});
    }
    out.next_rank();
  }
  return std::move(out).take();
}

std::optional<std::string> why_not(const ScheduleRequest& request) {
  const std::uint32_t P = request.shape.ranks;
  if (auto reason = why_not_costs(request, linear_placement(P))) return reason;
  for (std::size_t stage = 0; stage < P; ++stage) {
    const Bytes forward = op_memory(request.costs->stages[stage].activation, {}).forward;
    const std::string what = fmt::format("the activations of one micro-batch on stage {}", stage);
    if (auto reason = why_not_limit(request.limit("limit"), P, 1, forward, what)) return reason;
  }
  return std::nullopt;
}

bool equal_ops_free_hops(const UniformCosts& costs) {
  return costs.forward == costs.input_grad && costs.input_grad == costs.weight_grad && costs.hop == Time{};
}

// The figures of ZB-H1 and ZB-H2, though not always their orders.
std::optional<Time> exact_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches;
  if (!equal_ops_free_hops(costs) || M < P || request.limit("limit").times < 1) return std::nullopt;
  return 3 * M * costs.forward + (P - 1) * costs.forward;
}

std::optional<Time> exact_span(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches;
  const double limit = request.limit("limit").times;
  if (request.text("objective") != "span") return std::nullopt;
  if (limit == 1) return exact_makespan(request, costs);
  if (!equal_ops_free_hops(costs) || M < 2 * P - 1 || limit < 2) return std::nullopt;
  return 3 * M * costs.forward;
}

ScheduleInfo zb_auto() {
  return {
      .name = "zb-auto",
      .summary = "order found from each rank's costs within a memory limit: ZB-1p, ZB-2p, what lies between",
      .source =
          "Qi, Wan, Huang, Lin, \"Zero Bubble Pipeline Parallelism\", ICLR 2024; the heuristic of the "
          "sail-sg project",
      .placement = "linear",
      .constraint = "limit >= the activations of one micro-batch",
      .options = {{.name = "limit",
                   .help = "most activation memory of a rank: \"1p\" (ZB-1p) is what P micro-batches take "
                           "there, \"2p\" (ZB-2p) twice that; or bytes; without activation sizes p counts "
                           "micro-batches",
                   .default_value = MemoryLimit{1, {}}},
                  {.name = "objective",
                   .help = "what is made small: the longest time of a rank from its first start to its last "
                           "end, or the makespan",
                   .default_value = std::string("span"),
                   .choices = {"span", "makespan"}}},
      .makespan = {"M(F+I+W) + (P-1)F", "F = I = W, c = 0, M >= P, limit >= 1p"},
      .span = {"2p: M(F+I+W); 1p: as makespan", "F = I = W, c = 0, M >= 2P-1 (1p: P), limit >= 2p or 1p"},
      .bubble = {"(P-1)F / makespan; with 2p of the rank span 0", "F = I = W, c = 0, M >= 2P-1"},
      .peak = {"at most the limit", ""},
      .why_not = why_not,
      .generate = generate,
      .exact_makespan = exact_makespan,
      .exact_span = exact_span,
  };
}

// zb-auto without the option `limit`, which is `p` there.
ScheduleInfo under_limit(double p, const std::string& name, std::string summary) {
  const auto with_limit = [p](ScheduleRequest request) {
    request.options.insert_or_assign("limit", MemoryLimit{p, {}});
    return request;
  };
  ScheduleInfo info = zb_auto();
  info.name = name;
  info.summary = std::move(summary);
  info.constraint.clear();
  info.peak = {fmt::format("at most what {}P micro-batches take", p == 1 ? "" : fmt::format("{}", p)), ""};
  std::erase_if(info.options, [](const OptionSpec& option) { return option.name == "limit"; });
  info.why_not = [=](const auto& request) { return why_not(with_limit(request)); };
  info.generate = [=](const auto& request) {
    Schedule schedule = generate(with_limit(request));
    schedule.name = name;
    return schedule;
  };
  info.exact_makespan = [=](const auto& request, const UniformCosts& costs) {
    return exact_makespan(with_limit(request), costs);
  };
  info.exact_span = [=](const auto& request, const UniformCosts& costs) {
    return exact_span(with_limit(request), costs);
  };
  return info;
}

const Registration registration{zb_auto()};
const Registration registration_1p{
    under_limit(1, "zb-1p", "zb-auto with as much activation memory as 1F1B's fullest rank (limit 1p)")};
const Registration registration_2p{
    under_limit(2, "zb-2p", "zb-auto with twice the activation memory of 1F1B's fullest rank (limit 2p)")};

}  // namespace
}  // namespace ppsim::zb_auto_schedule
