// A prefix of an order, with its times: what the greedy rules and the exact search build up op by op.
#pragma once

#include <optional>
#include <vector>

#include "explore/order/order_problem.hpp"

namespace ppsim {

class OrderState {
 public:
  explicit OrderState(const OrderProblem& problem);

  [[nodiscard]] const OrderProblem& problem() const { return *problem_; }
  [[nodiscard]] std::uint32_t count(TypeId type) const { return count_[type]; }  ///< ops of it that ran
  [[nodiscard]] bool is_done(TypeId type) const { return count_[type] == problem_->micro_batches; }
  [[nodiscard]] bool is_done() const { return trail_.size() == problem_->op_count(); }
  [[nodiscard]] Time free(std::uint32_t rank) const { return free_[rank]; }
  [[nodiscard]] Bytes free_memory(std::uint32_t rank) const { return free_memory_[rank]; }
  [[nodiscard]] bool fits(TypeId type) const {
    return problem_->types[type].takes <= free_memory_[problem_->types[type].rank];
  }
  [[nodiscard]] Time finish(TypeId type, std::uint32_t micro_batch) const {
    return finish_[std::size_t{type} * problem_->micro_batches + micro_batch];
  }

  /// Earliest start of the next op of `type`; nothing while an input has not run, or where none is left.
  [[nodiscard]] std::optional<Time> start(TypeId type) const;

  /// Of the next ops that have a start and that `may_run` lets pass, the one that ends first; the first type
  /// of equals.
  struct FirstEnd {
    TypeId type;
    Time end;
  };
  template <class MayRun>
  [[nodiscard]] std::optional<FirstEnd> first_to_end(MayRun may_run) const {
    std::optional<FirstEnd> first;
    for (TypeId type = 0; type < count_.size(); ++type) {
      if (!may_run(type)) continue;
      const auto begin = start(type);
      if (!begin) continue;
      const Time end = *begin + problem_->types[type].duration;
      if (!first || end < first->end) first = FirstEnd{type, end};
    }
    return first;
  }

  /// Runs the next op of `type`, which has a start and fits.
  void push(TypeId type);
  /// Takes back what was pushed last.
  void pop();

  /// The objective, where all is done.
  [[nodiscard]] Time value() const;
  [[nodiscard]] Order order() const;

 private:
  struct Step {
    TypeId type;
    Time free;  // of its rank, before
  };

  const OrderProblem* problem_;
  std::vector<std::uint32_t> count_;  // [types]
  std::vector<Time> finish_;          // [types][M]
  std::vector<Time> free_;            // [P]
  std::vector<Bytes> free_memory_;    // [P]
  std::vector<Step> trail_;
};

}  // namespace ppsim
