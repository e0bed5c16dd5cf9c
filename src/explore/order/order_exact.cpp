// Branch and bound, depth first. A node is a prefix of an order with its times.
//
// Branching follows Giffler and Thompson, "Algorithms for solving production-scheduling problems" (1960). Of
// all ops that may run next, let o end first, at time C, on rank r. Nothing unscheduled ends before C. Take
// any completion, and let n be the next op on r in it. If n starts at C or later, o could run in front of it
// and delay nothing; so it is enough to branch over the ops of r that start before C, and o itself. The
// objectives here are regular (ending an op earlier never makes them worse), the rank span because first
// starts are fixed.
//
// Memory: running I, B or W earlier only gives memory back earlier, so o may always move to the front where
// it is one of these. A forward may too where its rank has one chunk: up to its old place no other forward
// runs (its type runs in order), and it fits now. With several chunks, another chunk's forward in between may
// then no longer fit. Unless everything that is left fits at once, one branch more says: none of these ops is
// the next one on r. They are *held* until r has run something else. A held I, B or W that would have ended
// by the time that something else starts could have gone first, so such a branch is cut off.
#include "explore/order/order_exact.hpp"

#include <algorithm>

#include "core/int128.hpp"
#include "explore/order/order_bounds.hpp"
#include "explore/order/order_memo.hpp"

namespace ppsim {
namespace {

// Enough for some million prefixes of a small shape.
constexpr std::size_t kMemoBytes = std::size_t{512} << 20;

// How often the clock is looked at, in nodes.
constexpr std::uint64_t kClockInterval = 1024;

using Clock = std::chrono::steady_clock;

struct Branch {
  TypeId type = kNoType;  // kNoType: hold
  Time bound{};
  Time start{};
  std::uint32_t rank = 0;
  std::uint64_t held = 0;
};

class ExactSearch {
 public:
  ExactSearch(const OrderProblem& problem, Time best, Time lower_bound, std::uint64_t nodes,
              Deadline deadline)
      : problem_(problem),
        state_(problem),
        bounds_(problem),
        memo_(kMemoBytes),
        lower_bound_(lower_bound),
        nodes_(nodes),
        deadline_(deadline),
        held_(problem.ranks()) {
    result_.value = best;
    for (const auto& types : problem.types_of) {
      std::size_t forwards = 0;
      for (const TypeId type : types) forwards += problem.types[type].kind == OpKind::Forward ? 1 : 0;
      several_chunks_.push_back(forwards > 1);
    }
  }

  ExactResult run() && {
    explore();
    result_.complete = !out_of_budget_;
    return std::move(result_);
  }

 private:
  void explore() {
    if (state_.is_done()) {
      result_.value = state_.value();
      result_.better = state_.order();
      return;
    }
    const std::size_t begin = branches_.size();
    add_branches(begin);
    for (std::size_t at = begin; at < branches_.size() && !is_over(); ++at) {
      if (branches_[at].bound < result_.value) follow(Branch(branches_[at]), [&] { explore(); });
    }
    branches_.resize(begin);
  }

  [[nodiscard]] bool is_over() const { return out_of_budget_ || result_.value <= lower_bound_; }

  template <class Body>
  void follow(const Branch& branch, Body body) {
    const std::uint64_t held = held_[branch.rank];
    if (branch.type == kNoType) {
      held_[branch.rank] = branch.held;
      body();
    } else {
      held_[branch.rank] = 0;
      state_.push(branch.type);
      body();
      state_.pop();
    }
    held_[branch.rank] = held;
  }

  [[nodiscard]] std::uint64_t bit(TypeId type) const {
    const auto& types = problem_.types_of[problem_.types[type].rank];
    return std::uint64_t{1} << (std::lower_bound(types.begin(), types.end(), type) - types.begin());
  }
  [[nodiscard]] bool is_held(TypeId type) const {
    const std::uint64_t held = held_[problem_.types[type].rank];
    return held != 0 && (held & bit(type)) != 0;
  }

  [[nodiscard]] bool may_run(TypeId type) const { return state_.fits(type) && !is_held(type); }

  void add_branches(std::size_t begin) {
    const auto first = state_.first_to_end([&](TypeId type) { return may_run(type); });
    if (!first) return;  // what is left does not fit any more
    const std::uint32_t rank = problem_.types[first->type].rank;
    std::uint64_t held = held_[rank];
    for (const TypeId type : problem_.types_of[rank]) {
      const auto start = may_run(type) ? state_.start(type) : std::nullopt;
      if (!start || (*start >= first->end && type != first->type)) continue;
      held |= bit(type);
      if (!held_op_fits_before(rank, *start)) offer({type, {}, *start, rank, 0});
    }
    std::sort(branches_.begin() + static_cast<std::ptrdiff_t>(begin), branches_.end(),
              [&](const Branch& a, const Branch& b) { return is_before(a, b); });
    if (may_hold(first->type)) offer({kNoType, {}, {}, rank, held});
  }

  // Least bound first; then what frees memory and feeds others before what takes memory, weights last.
  [[nodiscard]] bool is_before(const Branch& a, const Branch& b) const {
    if (a.bound != b.bound) return a.bound < b.bound;
    const auto urgency = [&](TypeId type) {
      const OpKind kind = problem_.types[type].kind;
      return needs_gradient(kind) ? 0 : kind == OpKind::Forward ? 1 : 2;
    };
    if (urgency(a.type) != urgency(b.type)) return urgency(a.type) < urgency(b.type);
    return a.start != b.start ? a.start < b.start : a.type < b.type;
  }

  // Keeps a branch if it can lead to something better.
  void offer(Branch branch) {
    if (out_of_budget_) return;
    count_node();
    follow(branch, [&] {
      branch.bound = bounds_.of(state_, result_.value);
      if (branch.bound < result_.value && !is_covered()) branches_.push_back(branch);
    });
  }

  void count_node() {
    ++result_.nodes;
    const bool late = deadline_ && result_.nodes % kClockInterval == 0 && Clock::now() > *deadline_;
    out_of_budget_ = result_.nodes >= nodes_ || late;
  }

  [[nodiscard]] bool may_hold(TypeId type) const {
    const OpType& op = problem_.types[type];
    if (op.kind != OpKind::Forward || !several_chunks_[op.rank]) return false;
    Int128 left = 0;  // that all forwards still to run will take
    for (const TypeId other : problem_.types_of[op.rank])
      left += Int128{problem_.types[other].takes.count()} * (problem_.micro_batches - state_.count(other));
    return left > state_.free_memory(op.rank).count();
  }

  [[nodiscard]] bool held_op_fits_before(std::uint32_t rank, Time start) const {
    if (held_[rank] == 0) return false;
    const auto& types = problem_.types_of[rank];
    return std::any_of(types.begin(), types.end(), [&](TypeId type) {
      const OpType& op = problem_.types[type];
      return op.kind != OpKind::Forward && is_held(type) && *state_.start(type) + op.duration <= start;
    });
  }

  // Times are rounded up to what the bounds say anyway, so that more prefixes compare.
  bool is_covered() {
    key_.clear();
    times_.clear();
    for (TypeId type = 0; type < problem_.types.size(); ++type) key_.push_back(state_.count(type));
    for (std::uint32_t rank = 0; rank < problem_.ranks(); ++rank) {
      if (several_chunks_[rank]) {
        key_.push_back(static_cast<std::uint32_t>(held_[rank]));
        key_.push_back(static_cast<std::uint32_t>(held_[rank] >> 32));
      }
      add_times(rank);
    }
    return memo_.covers(key_, times_);
  }

  void add_times(std::uint32_t rank) {
    Time free = Time::max();
    for (const TypeId type : problem_.types_of[rank])
      if (!state_.is_done(type)) free = std::min(free, bounds_.earliest(type));
    if (free == Time::max()) free = std::max(state_.free(rank), lower_bound_ - problem_.added[rank]);
    times_.push_back(free);
    for (const TypeId type : problem_.types_of[rank]) {
      for (const OpType::Input& input : problem_.types[type].inputs) {
        if (input.type == kNoType || problem_.types[input.type].rank == rank) continue;
        for (std::uint32_t k = state_.count(type); k < state_.count(input.type); ++k)
          times_.push_back(std::max(free, state_.finish(input.type, k) + input.hop));
      }
    }
  }

  const OrderProblem& problem_;
  OrderState state_;
  OrderBounds bounds_;
  OrderMemo memo_;
  Time lower_bound_;
  std::uint64_t nodes_;
  Deadline deadline_;
  std::vector<std::uint64_t> held_;  // [P] bit i: types_of[rank][i] must not be the rank's next op
  std::vector<bool> several_chunks_;
  std::vector<Branch> branches_;  // of all nodes on the way down
  std::vector<std::uint32_t> key_;
  std::vector<Time> times_;
  bool out_of_budget_ = false;
  ExactResult result_;
};

}  // namespace

ExactResult search_exactly(const OrderProblem& problem, Time best, Time lower_bound, std::uint64_t nodes,
                           Deadline deadline) {
  return ExactSearch(problem, best, lower_bound, nodes, deadline).run();
}

}  // namespace ppsim
