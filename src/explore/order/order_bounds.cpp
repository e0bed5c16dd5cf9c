// Bounds. Every op has a head (no order starts it before) and a tail (what must follow it). With them each
// rank on its own is a machine with heads and tails; letting it interrupt ops gives a bound that is found
// greedily: always the released op with the longest tail (Jackson's preemptive schedule; Carlier, "The
// one-machine sequencing problem", 1982).
#include "explore/order/order_bounds.hpp"

#include <algorithm>

#include "core/int128.hpp"

namespace ppsim {
namespace {

constexpr Time kNever = Time::max();

// How often `each` must be given back before `over` more than fits is gone.
std::uint32_t times_to_free(std::int64_t over, std::int64_t each, std::uint32_t most) {
  if (over <= 0) return 0;
  if (each <= 0) return most;
  return static_cast<std::uint32_t>(std::min<std::int64_t>((over + each - 1) / each, most));
}

}  // namespace

OrderBounds::OrderBounds(const OrderProblem& problem)
    : problem_(problem),
      needed_(std::size_t{problem.placement.stages()} * problem.micro_batches),
      head_(problem.op_count()),
      tail_(problem.op_count()),
      earliest_(problem.types.size()) {
  set_needed();
  set_heads();
  set_tails();
}

// With one chunk, memory is a matter of counts: before F(k) starts, k + 1 activations less what i gradients
// and w <= i <= k weight gradients gave back must fit.
void OrderBounds::set_needed() {
  for (std::size_t stage = 0; stage < problem_.placement.stages(); ++stage) {
    const OpType& forward = problem_.types[problem_.type_of(stage, 0)];
    const OpType& gradient = problem_.types[problem_.type_of(stage, 1)];
    if (problem_.types_of[forward.rank].size() > problem_.kinds()) continue;
    const std::int64_t takes = forward.takes.count();
    const std::int64_t weight_gives = takes - gradient.gives.count();
    const Int128 limit = problem_.limit[forward.rank].count();
    for (std::uint32_t k = 0; k < problem_.micro_batches; ++k) {
      const Int128 over = Int128{takes} * (k + 1) - limit;
      if (over <= 0) continue;
      Needed& needed = needed_[stage * problem_.micro_batches + k];
      needed.gradients = times_to_free(static_cast<std::int64_t>(over), takes, k);
      const Int128 by_weights = over - Int128{gradient.gives.count()} * k;
      if (by_weights > 0)
        needed.weights = times_to_free(static_cast<std::int64_t>(by_weights), weight_gives, k);
    }
  }
}

// Micro-batch by micro-batch, forwards up the stages and gradients down them: what an op waits for has its
// head before it. Memory too: it makes F(k) wait for ops of micro-batches before k.
void OrderBounds::set_heads() {
  const auto stages = problem_.placement.stages();
  for (std::uint32_t k = 0; k < problem_.micro_batches; ++k) {
    for (std::size_t stage = 0; stage < stages; ++stage) set_head(problem_.type_of(stage, 0), k);
    for (std::size_t stage = stages; stage-- > 0;) set_head(problem_.type_of(stage, 1), k);
    for (std::size_t stage = 0; problem_.split && stage < stages; ++stage)
      set_head(problem_.type_of(stage, 2), k);
  }
}

void OrderBounds::set_head(TypeId id, std::uint32_t k) {
  const OpType& type = problem_.types[id];
  Time head{};
  const auto behind = [&](TypeId before, std::uint32_t micro_batch, Time hop) {
    head = std::max(head, head_[at(before, micro_batch)] + problem_.types[before].duration + hop);
  };
  for (const OpType::Input& input : type.inputs)
    if (input.type != kNoType) behind(input.type, k, input.hop);
  if (k > 0) behind(id, k - 1, Time{});
  if (type.kind == OpKind::Forward) {
    const Needed needed = needed_[index(type.stage) * problem_.micro_batches + k];
    if (needed.gradients > 0) behind(id + 1, needed.gradients - 1, Time{});
    if (needed.weights > 0) behind(id + 2, needed.weights - 1, Time{});
  }
  // The rank's first op in any order.
  const Time first = head_[at(problem_.types_of[type.rank].front(), 0)];
  head_[at(id, k)] = std::max(head, first + work_before(id, k));
}

// What the rank must have run before it: the ops of the same micro-batch that lead to this one, and all ops
// of those types, and of its own, of earlier micro-batches.
Time OrderBounds::work_before(TypeId id, std::uint32_t k) const {
  const OpType& type = problem_.types[id];
  Time work = k * type.duration;
  for (const TypeId other : problem_.types_of[type.rank]) {
    const OpType& before = problem_.types[other];
    const bool forward =
        before.kind == OpKind::Forward && (type.kind != OpKind::Forward || before.stage < type.stage);
    const bool gradient =
        needs_gradient(before.kind) && type.kind != OpKind::Forward &&
        (before.stage > type.stage || (before.stage == type.stage && type.kind == OpKind::WeightGrad));
    if (forward || gradient) work += (k + 1) * before.duration;
  }
  if (type.kind == OpKind::Forward) {
    const Needed needed = needed_[index(type.stage) * problem_.micro_batches + k];
    work += needed.gradients * problem_.types[id + 1].duration;
    if (needed.weights > 0) work += needed.weights * problem_.types[id + 2].duration;
  }
  return work;
}

// The other way round.
void OrderBounds::set_tails() {
  const auto stages = problem_.placement.stages();
  std::fill(tail_.begin(), tail_.end(), Time::min());
  for (std::uint32_t k = problem_.micro_batches; k-- > 0;) {
    for (std::size_t stage = 0; problem_.split && stage < stages; ++stage)
      set_tail(problem_.type_of(stage, 2), k);
    for (std::size_t stage = 0; stage < stages; ++stage) set_tail(problem_.type_of(stage, 1), k);
    for (std::size_t stage = stages; stage-- > 0;) set_tail(problem_.type_of(stage, 0), k);
  }
}

void OrderBounds::set_tail(TypeId id, std::uint32_t k) {
  const OpType& type = problem_.types[id];
  Time& tail = tail_[at(id, k)];
  tail = std::max(tail, problem_.added[type.rank] + work_behind(id, k));
  hand_tail(id, k);
}

// An op's tail is final once all that wait for it have handed theirs on.
void OrderBounds::hand_tail(TypeId id, std::uint32_t k) {
  const OpType& type = problem_.types[id];
  const Time own = tail_[at(id, k)] + type.duration;
  const auto hand = [&](TypeId before, std::uint32_t micro_batch, Time hop) {
    Time& tail = tail_[at(before, micro_batch)];
    tail = std::max(tail, own + hop);
  };
  for (const OpType::Input& input : type.inputs)
    if (input.type != kNoType) hand(input.type, k, input.hop);
  if (k > 0) hand(id, k - 1, Time{});
  if (type.kind != OpKind::Forward) return;
  const Needed needed = needed_[index(type.stage) * problem_.micro_batches + k];
  if (needed.gradients > 0) hand(id + 1, needed.gradients - 1, Time{});
  if (needed.weights > 0) hand(id + 2, needed.weights - 1, Time{});
}

Time OrderBounds::work_behind(TypeId id, std::uint32_t k) const {
  const OpType& type = problem_.types[id];
  const std::uint32_t rest = problem_.micro_batches - 1 - k;
  Time work = rest * type.duration;
  for (const TypeId other : problem_.types_of[type.rank]) {
    const OpType& behind = problem_.types[other];
    const bool forward =
        behind.kind == OpKind::Forward && type.kind == OpKind::Forward && behind.stage > type.stage;
    const bool gradient =
        needs_gradient(behind.kind) &&
        (type.kind == OpKind::Forward || (needs_gradient(type.kind) && behind.stage < type.stage));
    const bool weight =
        behind.kind == OpKind::WeightGrad &&
        (type.kind == OpKind::Forward || (needs_gradient(type.kind) && behind.stage <= type.stage));
    if (forward || gradient || weight) work += (rest + 1) * behind.duration;
  }
  return work;
}

Time OrderBounds::of(const OrderState& state, Time enough) {
  for (TypeId type = 0; type < earliest_.size(); ++type)
    earliest_[type] = state.free(problem_.types[type].rank);
  estimate(state);
  if (delay_forwards(state)) estimate(state);
  Time bound = Time::min();
  sum_ = Time{};
  for (std::uint32_t rank = 0; rank < problem_.ranks() && bound < enough; ++rank) {
    const Time own = one_machine(state, rank);
    bound = std::max(bound, own);
    sum_ += own;
  }
  return bound;
}

// The next op of every type, from stage to stage in the order in which they wait for each other.
void OrderBounds::estimate(const OrderState& state) {
  const auto stages = problem_.placement.stages();
  const auto raise = [&](TypeId type) {
    if (!state.is_done(type))
      earliest_[type] = std::max(earliest_[type], ready(state, type, state.count(type)));
  };
  for (std::size_t stage = 0; stage < stages; ++stage) raise(problem_.type_of(stage, 0));
  for (std::size_t stage = stages; stage-- > 0;) {
    raise(problem_.type_of(stage, 1));
    if (problem_.split) raise(problem_.type_of(stage, 2));
  }
}

Time OrderBounds::ready(const OrderState& state, TypeId type, std::uint32_t k) const {
  Time time = head_[at(type, k)];
  for (const OpType::Input& input : problem_.types[type].inputs) {
    if (input.type == kNoType) continue;
    const std::uint32_t ran = state.count(input.type);
    const Time end = ran > k ? state.finish(input.type, k)
                             : earliest_[input.type] + (k - ran + 1) * problem_.types[input.type].duration;
    time = std::max(time, end + input.hop);
  }
  return time;
}

// A forward that does not fit waits for what frees memory.
bool OrderBounds::delay_forwards(const OrderState& state) {
  bool delayed = false;
  for (std::size_t stage = 0; stage < problem_.placement.stages(); ++stage) {
    const TypeId forward = problem_.type_of(stage, 0);
    if (state.is_done(forward) || state.fits(forward)) continue;
    const Time freed = memory_freed(state, forward);
    delayed = delayed || freed > earliest_[forward];
    earliest_[forward] = std::max(earliest_[forward], freed);
  }
  return delayed;
}

Time OrderBounds::memory_freed(const OrderState& state, TypeId forward) const {
  const OpType& op = problem_.types[forward];
  Time all{};
  const auto wait_for = [&](TypeId type, std::uint32_t wanted) {
    if (state.count(type) >= wanted) return;
    all = std::max(all, earliest_[type] + (wanted - state.count(type)) * problem_.types[type].duration);
  };
  const Needed needed = needed_[index(op.stage) * problem_.micro_batches + state.count(forward)];
  wait_for(forward + 1, needed.gradients);
  if (needed.weights > 0) wait_for(forward + 2, needed.weights);
  Time any = kNever;
  for (const TypeId type : problem_.types_of[op.rank]) {
    if (problem_.types[type].kind == OpKind::Forward || state.is_done(type)) continue;
    any = std::min(any, earliest_[type] + problem_.types[type].duration);
  }
  return any == kNever ? all : std::max(all, any);
}

Time OrderBounds::one_machine(const OrderState& state, std::uint32_t rank) {
  queues_.clear();
  for (const TypeId type : problem_.types_of[rank]) {
    if (state.is_done(type)) continue;
    queues_.push_back({type, state.count(type), {}, {}, {}});
    begin(queues_.back(), state, earliest_[type]);
  }
  Time bound = state.free(rank) + problem_.added[rank];
  Time now = Time::min();
  while (!queues_.empty()) {
    Time until = kNever;  // the next release
    Queue& queue = pick(now, until);
    const Time run = until == kNever ? queue.left : std::min(queue.left, until - now);
    now += run;
    queue.left -= run;
    if (queue.left > Time{}) continue;
    bound = std::max(bound, now + queue.tail);
    if (++queue.micro_batch == problem_.micro_batches) {
      queue = queues_.back();
      queues_.pop_back();
    } else {
      begin(queue, state, now);
    }
  }
  return bound;
}

void OrderBounds::begin(Queue& queue, const OrderState& state, Time earliest) const {
  queue.head = std::max(earliest, ready(state, queue.type, queue.micro_batch));
  queue.left = problem_.types[queue.type].duration;
  queue.tail = tail_[at(queue.type, queue.micro_batch)];
}

// The released op with the longest tail; where none is released, time passes until one is.
OrderBounds::Queue& OrderBounds::pick(Time& now, Time& next_release) {
  Time first = kNever;
  for (const Queue& queue : queues_) first = std::min(first, queue.head);
  now = std::max(now, first);
  Queue* best = nullptr;
  for (Queue& queue : queues_) {
    if (queue.head > now) {
      next_release = std::min(next_release, queue.head);
    } else if (best == nullptr || queue.tail > best->tail) {
      best = &queue;
    }
  }
  return *best;
}

}  // namespace ppsim
