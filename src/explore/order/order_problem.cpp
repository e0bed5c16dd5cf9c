#include "explore/order/order_problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/op_costs.hpp"
#include "ppsim/core/error.hpp"
#include "text/quantity.hpp"

namespace ppsim {
namespace {

void check_covered(const Schedule& schedule) {
  const auto refuse = [&](std::string_view what, std::string_view expected) {
    throw Error("/schedule", fmt::format("{} {}; expected {}", schedule.name, what, expected));
  };
  if (schedule.forward_only) refuse("is inference", "a schedule that trains");
  if (schedule.placement.directions() > 1) refuse("runs in two directions", "a placement with one");
  if (schedule.slices > 1) refuse("cuts micro-batches into slices", "whole ones");
  if (schedule.recompute_ahead) refuse("recomputes ahead of its backwards", "recompute_ahead 0");
  if (schedule.steps > 1) refuse("runs several steps", "one");
}

Time hop_between(const Workload& workload, Rank from, Rank to, Bytes bytes, Time gather) {
  if (from == to) return Time{};
  return route_between(workload.network, workload.link_factors, from, to)
      .transfer(bytes, gather_on(workload, to, gather));
}

class ProblemBuilder {
 public:
  ProblemBuilder(const Plan& plan, const OptimizeOptions& options) : plan_(plan), options_(options) {
    problem_.placement = plan.schedule.placement;
    problem_.micro_batches = plan.schedule.micro_batches;
    problem_.split = options.split;
  }

  OrderProblem build() && {
    problem_.types_of.resize(problem_.ranks());
    for (std::size_t stage = 0; stage < problem_.placement.stages(); ++stage) add_stage(stage);
    add_consumers();
    for (std::uint32_t rank = 0; rank < problem_.ranks(); ++rank) {
      problem_.limit.push_back(limit_of(rank));
      check_limit(rank);
    }
    set_added();
    return std::move(problem_);
  }

 private:
  [[nodiscard]] const StageCosts& costs(std::size_t stage) const { return plan_.workload.stages[stage]; }

  [[nodiscard]] Rank rank_of(std::size_t stage) const {
    return problem_.placement.rank_of(static_cast<Stage>(stage));
  }

  void add_stage(std::size_t stage) {
    const StageCosts& cost = costs(stage);
    const std::size_t last = problem_.placement.stages() - 1;
    OpType forward = make_type(OpKind::Forward, stage);
    forward.takes = cost.activation;
    if (stage > 0) forward.inputs[0] = {problem_.type_of(stage - 1, 0), forward_hop(stage - 1)};
    OpType gradient =
        problem_.split ? make_type(OpKind::InputGrad, stage) : make_type(OpKind::Backward, stage);
    gradient.gives = problem_.split ? cost.activation_freed_at_input_grad : cost.activation;
    gradient.inputs[0] = {problem_.type_of(stage, 0), Time{}};
    if (stage < last) gradient.inputs[1] = {problem_.type_of(stage + 1, 1), backward_hop(stage + 1)};
    add(forward);
    add(gradient);
    if (!problem_.split) return;
    OpType weight = make_type(OpKind::WeightGrad, stage);
    weight.gives = cost.activation - cost.activation_freed_at_input_grad;
    weight.inputs[0] = {problem_.type_of(stage, 1), Time{}};
    add(weight);
  }

  // As the graph has it: a rank may be slower than its costs say.
  [[nodiscard]] Time on_rank(OpKind kind, std::size_t stage) const {
    const Workload& workload = plan_.workload;
    const Time duration = costs(stage).duration(kind);
    if (workload.rank_speeds.empty()) return duration;
    const Op op{kind, false, static_cast<Stage>(stage), MicroBatch{0}};
    return duration_at(plan_.schedule, workload, op, duration, workload.rank_speeds[index(rank_of(stage))]);
  }

  [[nodiscard]] OpType make_type(OpKind kind, std::size_t stage) const {
    OpType type;
    type.kind = kind;
    type.stage = static_cast<Stage>(stage);
    type.rank = static_cast<std::uint32_t>(index(rank_of(stage)));
    type.duration = on_rank(kind, stage);
    return type;
  }

  void add(const OpType& type) {
    problem_.types_of[type.rank].push_back(static_cast<TypeId>(problem_.types.size()));
    problem_.types.push_back(type);
  }

  [[nodiscard]] Time forward_hop(std::size_t from) const {
    return hop_between(plan_.workload, rank_of(from), rank_of(from + 1), costs(from).forward_transfer,
                       costs(from).forward_gather);
  }
  [[nodiscard]] Time backward_hop(std::size_t from) const {
    return hop_between(plan_.workload, rank_of(from), rank_of(from - 1), costs(from).backward_transfer,
                       costs(from).backward_gather);
  }

  void add_consumers() {
    for (TypeId type = 0; type < problem_.types.size(); ++type) {
      for (const OpType::Input& input : problem_.types[type].inputs) {
        if (input.type == kNoType) continue;
        OpType& producer = problem_.types[input.type];
        if (producer.rank != problem_.types[type].rank) producer.consumer = type;
      }
    }
  }

  // One micro-batch, on all chunks of the rank.
  [[nodiscard]] Bytes whole_micro_batch(std::uint32_t rank) const {
    Bytes sum;
    for (const TypeId type : problem_.types_of[rank]) sum += problem_.types[type].takes;
    return sum;
  }

  [[nodiscard]] Bytes limit_of(std::uint32_t rank) const {
    constexpr Bytes kNone(std::numeric_limits<std::int64_t>::max());
    if (options_.limit && options_.limit->times > 0) {
      const double bytes =
          options_.limit->times * problem_.ranks() * static_cast<double>(whole_micro_batch(rank).count());
      // Half a byte more, lest 0.1p lose a micro-batch to rounding.
      return bytes < 0x1p62 ? Bytes(static_cast<std::int64_t>(std::floor(bytes + 0.5))) : kNone;
    }
    if (options_.limit) return options_.limit->bytes;
    if (!plan_.workload.gpu_memory) return kNone;
    Bytes left = plan_.workload.allocatable(*plan_.workload.gpu_memory);
    Bytes working;
    for (const Stage stage : problem_.placement.stages_of(Rank{rank})) {
      left -= costs(index(stage)).static_bytes();
      working = std::max(working, costs(index(stage)).working);
    }
    return left - working;
  }

  // Before any backward of its first micro-batch a rank has run the forward of every chunk; and one
  // micro-batch after the other needs no more than that.
  void check_limit(std::uint32_t rank) const {
    const Bytes least = whole_micro_batch(rank);
    const Bytes limit = problem_.limit[rank];
    if (least <= limit) return;
    const std::string has =
        options_.limit
            ? fmt::format("a limit of {} B on activations", limit.count())
            : fmt::format("{} B of the GPU's memory left beside all that a rank keeps for the whole run",
                          std::max(limit, Bytes(0)).count());
    throw Error(
        options_.limit ? "--memory-limit" : "/parallelism",
        fmt::format("rank {}: {}; expected at least {} B, one micro-batch", rank, has, least.count()));
  }

  // A rank's first op is the forward of its first stage, micro-batch 0. Where the stage before that is also
  // the first of its rank, and so on down to stage 0, nothing can run in front of this chain in any order.
  void set_added() {
    std::vector<std::optional<Time>> start(problem_.ranks());
    for (std::size_t stage = 0; stage < problem_.placement.stages(); ++stage) {
      auto& first = start[index(rank_of(stage))];
      if (!first) first = stage == 0 ? Time{} : start_behind(stage, start);
    }
    for (std::uint32_t rank = 0; rank < problem_.ranks(); ++rank) {
      Time added{};
      for (const Stage stage : problem_.placement.stages_of(Rank{rank})) added += step_end(index(stage));
      if (options_.objective == OrderObjective::Span) added -= start[rank].value_or(Time{});
      problem_.added.push_back(added);
    }
  }

  [[nodiscard]] Time step_end(std::size_t stage) const {
    return on_rank(OpKind::GradientReduction, stage) + on_rank(OpKind::OptimizerStep, stage) +
           on_rank(OpKind::ParameterGather, stage);
  }

  [[nodiscard]] Time start_behind(std::size_t stage, const std::vector<std::optional<Time>>& start) const {
    const std::size_t before = stage - 1;
    const auto held = problem_.placement.stages_of(rank_of(before));
    if (options_.objective == OrderObjective::Span && index(held.front()) != before)
      throw Error("--objective",
                  fmt::format("span: stage {} is the first of its rank and stage {} is not; "
                              "expected a linear, looped, V-shaped or wave placement, or makespan",
                              stage, before));
    return *start[index(rank_of(before))] + on_rank(OpKind::Forward, before) + forward_hop(before);
  }

  const Plan& plan_;
  const OptimizeOptions& options_;
  OrderProblem problem_;
};

void push_types(const OrderProblem& problem, Op op, std::vector<TypeId>& types) {
  const std::size_t stage = index(op.stage);
  if (op.kind == OpKind::Forward) types.push_back(problem.type_of(stage, 0));
  if (needs_gradient(op.kind)) types.push_back(problem.type_of(stage, 1));
  if (ends_backward(op.kind) && problem.split) types.push_back(problem.type_of(stage, 2));
}

}  // namespace

OrderProblem make_order_problem(const Plan& plan, const OptimizeOptions& options) {
  check_covered(plan.schedule);
  if (plan.workload.overlap_gradients)
    throw Error("/training/overlap_gradients",
                "true: how long gradients take behind an order depends on it; expected false");
  return ProblemBuilder(plan, options).build();
}

Order make_order(const OrderProblem& problem, const Schedule& schedule) {
  Order order;
  order.types.reserve(problem.op_count());
  for (std::uint32_t rank = 0; rank < schedule.ranks(); ++rank) {
    order.begin.push_back(order.types.size());
    for (const Op op : schedule.program(Rank{rank})) push_types(problem, op, order.types);
  }
  order.begin.push_back(order.types.size());
  return order;
}

Schedule make_schedule(const OrderProblem& problem, const Order& order, std::string name) {
  ScheduleWriter out(std::move(name), problem.placement, problem.micro_batches, order.types.size());
  std::vector<std::uint32_t> count(problem.types.size());
  for (std::uint32_t rank = 0; rank < problem.ranks(); ++rank) {
    for (std::size_t at = order.begin[rank]; at < order.begin[rank + 1]; ++at) {
      const TypeId type = order.types[at];
      out.push({problem.types[type].kind, false, problem.types[type].stage, MicroBatch{count[type]++}});
    }
    out.next_rank();
  }
  return std::move(out).take();
}

OrderReplay::OrderReplay(const OrderProblem& problem)
    : problem_(problem),
      finish_(problem.op_count()),
      start_(problem.op_count()),
      count_(problem.types.size()),
      next_(problem.ranks()),
      free_(problem.ranks()),
      used_(problem.ranks()) {}

std::optional<Time> OrderReplay::run(const Order& order) {
  std::fill(count_.begin(), count_.end(), 0);
  std::fill(free_.begin(), free_.end(), Time{});
  std::fill(used_.begin(), used_.end(), Bytes{});
  std::copy(order.begin.begin(), order.begin.end() - 1, next_.begin());
  runnable_.clear();
  for (std::uint32_t rank = problem_.ranks(); rank-- > 0;) runnable_.push_back(rank);
  while (!runnable_.empty()) {
    const std::uint32_t rank = runnable_.back();
    runnable_.pop_back();
    if (!advance(order, rank)) return std::nullopt;
  }
  Time value = Time::min();
  for (std::uint32_t rank = 0; rank < problem_.ranks(); ++rank) {
    if (next_[rank] != order.begin[rank + 1]) return std::nullopt;
    value = std::max(value, free_[rank] + problem_.added[rank]);
  }
  return value;
}

// Runs a rank as far as its inputs are there; wakes who waits for what it did. False where memory runs out.
bool OrderReplay::advance(const Order& order, std::uint32_t rank) {
  for (std::size_t& at = next_[rank]; at < order.begin[rank + 1]; ++at) {
    const TypeId id = order.types[at];
    const OpType& type = problem_.types[id];
    const std::uint32_t micro_batch = count_[id];
    const auto inputs = ready(type, micro_batch);
    if (!inputs) return true;
    used_[rank] += type.takes;
    if (used_[rank] > problem_.limit[rank]) return false;
    used_[rank] -= type.gives;
    start_[at] = std::max(free_[rank], *inputs);
    free_[rank] = start_[at] + type.duration;
    finish_[std::size_t{id} * problem_.micro_batches + micro_batch] = free_[rank];
    ++count_[id];
    if (type.consumer == kNoType) continue;
    const std::uint32_t other = problem_.types[type.consumer].rank;
    const std::size_t waiting = next_[other];
    if (waiting < order.begin[other + 1] && order.types[waiting] == type.consumer) runnable_.push_back(other);
  }
  return true;
}

std::optional<Time> OrderReplay::ready(const OpType& type, std::uint32_t micro_batch) const {
  Time time{};
  for (const OpType::Input& input : type.inputs) {
    if (input.type == kNoType) continue;
    if (count_[input.type] <= micro_batch) return std::nullopt;
    time = std::max(time, finish(input.type, micro_batch) + input.hop);
  }
  return time;
}

}  // namespace ppsim
