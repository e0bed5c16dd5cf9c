#include "explore/order/order_state.hpp"

#include <algorithm>

namespace ppsim {

OrderState::OrderState(const OrderProblem& problem)
    : problem_(&problem),
      count_(problem.types.size()),
      finish_(problem.op_count()),
      free_(problem.ranks()),
      free_memory_(problem.limit) {
  trail_.reserve(problem.op_count());
}

std::optional<Time> OrderState::start(TypeId type) const {
  const OpType& op = problem_->types[type];
  const std::uint32_t micro_batch = count_[type];
  if (micro_batch == problem_->micro_batches) return std::nullopt;
  Time time = free_[op.rank];
  for (const OpType::Input& input : op.inputs) {
    if (input.type == kNoType) continue;
    if (count_[input.type] <= micro_batch) return std::nullopt;
    time = std::max(time, finish(input.type, micro_batch) + input.hop);
  }
  return time;
}

void OrderState::push(TypeId type) {
  const OpType& op = problem_->types[type];
  const Time end = *start(type) + op.duration;
  trail_.push_back({type, free_[op.rank]});
  finish_[std::size_t{type} * problem_->micro_batches + count_[type]++] = end;
  free_[op.rank] = end;
  free_memory_[op.rank] -= op.takes;
  free_memory_[op.rank] += op.gives;
}

void OrderState::pop() {
  const auto [type, free] = trail_.back();
  trail_.pop_back();
  const OpType& op = problem_->types[type];
  --count_[type];
  free_[op.rank] = free;
  free_memory_[op.rank] -= op.gives;
  free_memory_[op.rank] += op.takes;
}

Time OrderState::value() const {
  Time value = Time::min();
  for (std::uint32_t rank = 0; rank < problem_->ranks(); ++rank)
    value = std::max(value, free_[rank] + problem_->added[rank]);
  return value;
}

Order OrderState::order() const {
  Order order;
  for (std::uint32_t rank = 0; rank < problem_->ranks(); ++rank) {
    order.begin.push_back(order.begin.empty() ? 0
                                              : order.begin.back() + problem_->types_of[rank - 1].size() *
                                                                         problem_->micro_batches);
  }
  order.begin.push_back(problem_->op_count());
  order.types.resize(problem_->op_count());
  std::vector<std::size_t> next(order.begin.begin(), order.begin.end() - 1);
  for (const Step& step : trail_) order.types[next[problem_->types[step.type].rank]++] = step.type;
  return order;
}

}  // namespace ppsim
