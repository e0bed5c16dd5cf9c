// Late acceptance hill climbing (Burke and Bykov, "The late acceptance hill-climbing heuristic", 2017): a
// move is kept where it is no worse than the order at hand, or than the one that was at hand some steps ago.
// Moves begin at the critical path: only where an op there gets out of the way of another can the objective
// fall.
#include "explore/order/order_local.hpp"

#include <algorithm>
#include <random>

namespace ppsim {
namespace {

constexpr std::size_t kHistory = 500;              // steps that a bad move may live on
constexpr std::size_t kMostShift = 12;             // positions
constexpr std::uint64_t kMovesBetweenClocks = 64;  // moves

// The objective, then the sum of the ranks' ends: among many orders of equal objective the one that leaves
// more memory elsewhere.
struct Score {
  Time value{};
  Time ends{};

  friend auto operator<=>(const Score&, const Score&) = default;
};

class LocalSearch {
 public:
  LocalSearch(const OrderProblem& problem, Order order, std::uint64_t seed)
      : problem_(problem), replay_(problem), order_(std::move(order)), random_(seed) {
    score_ = *evaluate();
    best_ = order_;
    best_score_ = score_;
    history_.assign(kHistory, score_);
    find_critical();
  }

  Order run(Time lower_bound, std::uint64_t moves, Deadline deadline) && {
    for (std::uint64_t move = 0; move < moves && best_score_.value > lower_bound; ++move) {
      if (deadline && move % kMovesBetweenClocks == 0 && std::chrono::steady_clock::now() > *deadline) break;
      step(history_[move % kHistory]);
    }
    return std::move(best_);
  }

 private:
  // Not std::uniform_int_distribution: what it draws differs between libraries.
  [[nodiscard]] std::size_t draw(std::size_t below) { return static_cast<std::size_t>(random_() % below); }

  [[nodiscard]] std::optional<Score> evaluate() {
    const auto value = replay_.run(order_);
    if (!value) return std::nullopt;
    Score score{*value, {}};
    for (std::uint32_t rank = 0; rank < problem_.ranks(); ++rank) {
      if (order_.begin[rank + 1] > order_.begin[rank]) score.ends += end(order_.begin[rank + 1] - 1);
    }
    return score;
  }

  [[nodiscard]] Time end(std::size_t at) const {
    return replay_.start(at) + problem_.types[order_.types[at]].duration;
  }

  void step(Score& late) {
    const std::size_t from = critical_[draw(critical_.size())];
    const std::uint32_t rank = problem_.types[order_.types[from]].rank;
    const std::size_t first = order_.begin[rank];
    const std::size_t last = order_.begin[rank + 1] - 1;
    const std::size_t low = from - std::min(from - first, kMostShift);
    const std::size_t high = std::min(last, from + kMostShift);
    const std::size_t to = low + draw(high - low + 1);
    if (!shift(from, to)) return;
    const auto score = evaluate();
    if (score && (*score <= score_ || *score <= late)) {
      score_ = *score;
      find_critical();
      if (score_ < best_score_) best_score_ = score_, best_ = order_;
    } else {
      (void)shift(to, from);
    }
    late = std::min(late, score_);
  }

  // False where nothing changes: ops of one type are the same whatever their order.
  bool shift(std::size_t from, std::size_t to) {
    const auto at = [&](std::size_t i) { return order_.types.begin() + static_cast<std::ptrdiff_t>(i); };
    const TypeId moved = order_.types[from];
    const auto same = [&](TypeId type) { return type == moved; };
    if (from < to) {
      if (std::all_of(at(from), at(to + 1), same)) return false;
      std::rotate(at(from), at(from + 1), at(to + 1));
    } else {
      if (std::all_of(at(to), at(from + 1), same)) return false;
      std::rotate(at(to), at(from), at(from + 1));
    }
    return true;
  }

  // Ops that run at the end of something they waited for, from the last end back to the start.
  void find_critical() {
    index_ops();
    critical_.clear();
    std::size_t at = last_op();
    while (true) {
      critical_.push_back(at);
      const Time start = replay_.start(at);
      const std::uint32_t rank = problem_.types[order_.types[at]].rank;
      if (at > order_.begin[rank] && end(at - 1) == start) {
        --at;
        continue;
      }
      const auto before = input_that_ends(at, start);
      if (!before) return;
      at = *before;
    }
  }

  void index_ops() {
    place_.resize(order_.types.size());
    number_.resize(order_.types.size());
    count_.assign(problem_.types.size(), 0);
    for (std::size_t at = 0; at < order_.types.size(); ++at) {
      number_[at] = count_[order_.types[at]]++;
      place_[std::size_t{order_.types[at]} * problem_.micro_batches + number_[at]] = at;
    }
  }

  [[nodiscard]] std::size_t last_op() const {
    std::size_t last = 0;
    Time latest = Time::min();
    for (std::uint32_t rank = 0; rank < problem_.ranks(); ++rank) {
      if (order_.begin[rank + 1] == order_.begin[rank]) continue;
      const std::size_t at = order_.begin[rank + 1] - 1;
      if (end(at) + problem_.added[rank] <= latest) continue;
      latest = end(at) + problem_.added[rank];
      last = at;
    }
    return last;
  }

  [[nodiscard]] std::optional<std::size_t> input_that_ends(std::size_t at, Time start) const {
    for (const OpType::Input& input : problem_.types[order_.types[at]].inputs) {
      if (input.type == kNoType) continue;
      const std::size_t before = place_[std::size_t{input.type} * problem_.micro_batches + number_[at]];
      if (before != at && end(before) + input.hop == start) return before;
    }
    return std::nullopt;
  }

  const OrderProblem& problem_;
  OrderReplay replay_;
  Order order_;
  Score score_;
  Order best_;
  Score best_score_;
  std::vector<Score> history_;
  std::vector<std::size_t> critical_;  // positions
  std::vector<std::size_t> place_;     // [types][M] position of an op
  std::vector<std::uint32_t> number_;  // [ops] micro-batch of a position
  std::vector<std::uint32_t> count_;
  std::mt19937_64 random_;
};

}  // namespace

Order improve_order(const OrderProblem& problem, Order order, Time lower_bound, std::uint64_t moves,
                    std::uint64_t seed, Deadline deadline) {
  return LocalSearch(problem, std::move(order), seed).run(lower_bound, moves, deadline);
}

}  // namespace ppsim
