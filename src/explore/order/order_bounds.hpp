// How good an order can still become: a lower bound for every completion of a prefix.
#pragma once

#include <vector>

#include "explore/order/order_state.hpp"

namespace ppsim {

class OrderBounds {
 public:
  explicit OrderBounds(const OrderProblem& problem);

  /// No completion of `state` has a lower objective. May stop at `enough` or more. O(ops x chunks).
  [[nodiscard]] Time of(const OrderState& state, Time enough = Time::max());

  /// Behind of() that did not stop early: the sum of what bounds each rank by itself, to tell prefixes of
  /// equal bounds apart.
  [[nodiscard]] Time sum() const { return sum_; }

  /// Behind of(): no completion of that state starts the next op of `type`, which is not done, any earlier.
  [[nodiscard]] Time earliest(TypeId type) const { return earliest_[type]; }

 private:
  /// Ops of a rank that a forward waits for, since its activation would not fit otherwise.
  struct Needed {
    std::uint32_t gradients = 0;
    std::uint32_t weights = 0;
  };

  /// Ops of one type that wait for the rank, in the relaxation to one machine.
  struct Queue {
    TypeId type;
    std::uint32_t micro_batch;  // its next op
    Time head;                  // of which: may not start before,
    Time left;                  // still to run,
    Time tail;                  // and what comes behind it
  };

  [[nodiscard]] std::size_t at(TypeId type, std::uint32_t micro_batch) const {
    return std::size_t{type} * problem_.micro_batches + micro_batch;
  }
  void set_needed();
  void set_heads();
  void set_head(TypeId type, std::uint32_t micro_batch);
  [[nodiscard]] Time work_before(TypeId type, std::uint32_t micro_batch) const;
  void set_tails();
  void set_tail(TypeId type, std::uint32_t micro_batch);
  void hand_tail(TypeId type, std::uint32_t micro_batch);
  [[nodiscard]] Time work_behind(TypeId type, std::uint32_t micro_batch) const;

  void estimate(const OrderState& state);
  [[nodiscard]] Time ready(const OrderState& state, TypeId type, std::uint32_t micro_batch) const;
  bool delay_forwards(const OrderState& state);
  [[nodiscard]] Time memory_freed(const OrderState& state, TypeId forward) const;
  [[nodiscard]] Time one_machine(const OrderState& state, std::uint32_t rank);
  void begin(Queue& queue, const OrderState& state, Time earliest) const;
  Queue& pick(Time& now, Time& next_release);

  const OrderProblem& problem_;
  std::vector<Needed> needed_;  // [S][M], ranks with one chunk; else zero
  std::vector<Time> head_;      // [types][M] earliest start in any order
  std::vector<Time> tail_;      // [types][M] least from the op's end to the objective
  std::vector<Time> earliest_;  // [types]
  std::vector<Queue> queues_;
  Time sum_{};
};

}  // namespace ppsim
