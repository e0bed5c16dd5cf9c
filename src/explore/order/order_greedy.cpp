// List scheduling: again and again, the rank that can start an op first starts the one its rule likes best.
//
// A forward is taken only where, after it, there is memory for one micro-batch on the later chunks of the
// rank. So no run gets stuck: of the micro-batches whose forwards are under way take the one that is
// furthest. If its next rank had no memory for it, then because a forward of the same or a later chunk ran
// there last; that micro-batch is further, so it has passed to its backward, and backwards need no memory.
#include "explore/order/order_greedy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "explore/order/order_state.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

constexpr std::size_t kFewRulesFrom = 20'000;  // ops

class GreedyRun {
 public:
  GreedyRun(const OrderProblem& problem, const GreedyRule& rule)
      : problem_(problem), rule_(rule), state_(problem), choice_(problem.ranks()) {
    for (std::uint32_t rank = 0; rank < problem.ranks(); ++rank) set_reserves(rank);
  }

  Order run() && {
    for (std::uint32_t rank = 0; rank < problem_.ranks(); ++rank) choose(rank);
    while (!state_.is_done()) {
      const auto first = std::min_element(choice_.begin(), choice_.end(),
                                          [](const Choice& a, const Choice& b) { return a.start < b.start; });
      PPSIM_ASSERT(first->type != kNoType, "no rank can go on");
      take(first->type);
    }
    return state_.order();
  }

 private:
  static constexpr Time kNever = Time::max();

  struct Choice {
    TypeId type = kNoType;
    Time start = kNever;
    int preference = 0;  // least first
  };

  // What the rank's later chunks need for one micro-batch, and how many activations the rule lets live.
  void set_reserves(std::uint32_t rank) {
    const auto& types = problem_.types_of[rank];
    const auto chunks = static_cast<double>(types.size() / problem_.kinds());
    const double share = rule_.steep ? problem_.ranks() - rank : problem_.ranks();
    const double most = rule_.in_flight > 0 ? std::ceil(rule_.in_flight * share) * chunks : 0;
    slots_.push_back(most > 0 ? static_cast<std::int64_t>(most) : std::numeric_limits<std::int64_t>::max());
    reserved_.resize(problem_.types.size());
    later_.resize(problem_.types.size());
    Bytes bytes;
    std::int64_t count = 0;
    for (auto type = types.rbegin(); type != types.rend(); ++type) {
      if (problem_.types[*type].kind != OpKind::Forward) continue;
      reserved_[*type] = bytes;
      later_[*type] = count++;
      bytes += problem_.types[*type].takes;
    }
  }

  [[nodiscard]] bool may_take(TypeId type) const {
    const OpType& op = problem_.types[type];
    if (op.kind != OpKind::Forward) return true;
    const Bytes free = state_.free_memory(op.rank);
    return op.takes <= free && reserved_[type] <= free - op.takes && later_[type] < slots_[op.rank];
  }

  [[nodiscard]] int preference_of(TypeId type) const {
    const OpType& op = problem_.types[type];
    if (op.kind == OpKind::WeightGrad) return 2;
    return (op.kind == OpKind::Forward) == rule_.forward_first ? 0 : 1;
  }

  // The op that can start first, the liked one of equals; a weight gradient where none comes soon.
  void choose(std::uint32_t rank) {
    Choice& best = choice_[rank] = {};
    Choice weight;
    for (const TypeId type : problem_.types_of[rank]) {
      const auto start = state_.start(type);
      if (!start || !may_take(type)) continue;
      const Choice choice{type, *start, preference_of(type)};
      Choice& rival = choice.preference == 2 ? weight : best;
      if (is_better(choice, rival)) rival = choice;
    }
    if (weight.type == kNoType) return;
    const Time duration = problem_.types[weight.type].duration;
    const Time soon = weight.start + std::chrono::duration_cast<Time>(duration * rule_.patience);
    if (best.start > weight.start && best.start >= soon) best = weight;
  }

  [[nodiscard]] bool is_better(const Choice& a, const Choice& b) const {
    if (a.start != b.start) return a.start < b.start;
    if (a.preference != b.preference) return a.preference < b.preference;
    // Types ascend with the stage, so b is the earlier chunk. Gradients come in the other direction.
    return rule_.late_chunk_first == (problem_.types[a.type].kind == OpKind::Forward);
  }

  void take(TypeId type) {
    const OpType& op = problem_.types[type];
    state_.push(type);
    if (op.kind == OpKind::Forward) --slots_[op.rank];
    if (ends_backward(op.kind)) ++slots_[op.rank];
    choose(op.rank);
    if (op.consumer != kNoType) choose(problem_.types[op.consumer].rank);
  }

  const OrderProblem& problem_;
  const GreedyRule& rule_;
  OrderState state_;
  std::vector<Choice> choice_;       // [P]
  std::vector<Bytes> reserved_;      // [types] F: what later chunks take
  std::vector<std::int64_t> later_;  // [types] F: and how many they are
  std::vector<std::int64_t> slots_;  // [P] activations that may still be taken
};

}  // namespace

std::vector<GreedyRule> greedy_rules(const OrderProblem& problem) {
  const bool many = problem.op_count() < kFewRulesFrom;
  const bool chunks = problem.types.size() > std::size_t{problem.ranks()} * problem.kinds();
  const std::vector<double> patience = !problem.split ? std::vector<double>{1}
                                       : many         ? std::vector<double>{1, 0.5, 0}
                                                      : std::vector<double>{1, 0};
  const std::vector<double> in_flight =
      many ? std::vector<double>{0, 0.5, 1, 1.5, 2, 3} : std::vector<double>{0, 1, 2};
  std::vector<GreedyRule> rules;
  for (const bool forward_first : {false, true}) {
    for (const bool late_chunk_first : {true, false}) {
      if (!late_chunk_first && !chunks) continue;
      for (const double waits : patience) {
        for (const double most : in_flight) {
          rules.push_back({forward_first, late_chunk_first, waits, most, true});
          if (most > 0 && many) rules.push_back({forward_first, late_chunk_first, waits, most, false});
        }
      }
    }
  }
  return rules;
}

Order make_greedy_order(const OrderProblem& problem, const GreedyRule& rule) {
  return GreedyRun(problem, rule).run();
}

}  // namespace ppsim
