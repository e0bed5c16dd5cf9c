#include "explore/order/order_beam.hpp"

#include <algorithm>

#include "explore/order/order_bounds.hpp"

namespace ppsim {
namespace {

struct Child {
  std::size_t parent;
  TypeId type;
  Time bound;  // of the objective, then the sum of all ranks' bounds
  Time sum;

  [[nodiscard]] bool same_score(const Child& other) const { return bound == other.bound && sum == other.sum; }
  [[nodiscard]] bool operator<(const Child& other) const {
    if (bound != other.bound) return bound < other.bound;
    if (sum != other.sum) return sum < other.sum;
    return parent != other.parent ? parent < other.parent : type < other.type;
  }
};

class BeamSearch {
 public:
  BeamSearch(const OrderProblem& problem, Time best, std::size_t width)
      : problem_(problem), bounds_(problem), best_(best), width_(width), beam_(1, OrderState(problem)) {}

  std::optional<Order> run(Deadline deadline) && {
    for (std::size_t step = 0; step < problem_.op_count() && !beam_.empty(); ++step) {
      if (deadline && std::chrono::steady_clock::now() > *deadline) return std::nullopt;
      grow();
      select();
    }
    if (beam_.empty()) return std::nullopt;
    return beam_.front().order();
  }

 private:
  void grow() {
    children_.clear();
    for (std::size_t parent = 0; parent < beam_.size(); ++parent) {
      OrderState& state = beam_[parent];
      const auto fits = [&](TypeId type) { return state.fits(type); };
      const auto first = state.first_to_end(fits);
      if (!first) continue;
      for (const TypeId type : problem_.types_of[problem_.types[first->type].rank]) {
        const auto start = state.start(type);
        if (start && state.fits(type) && (*start < first->end || type == first->type))
          try_child(parent, type);
      }
    }
  }

  void try_child(std::size_t parent, TypeId type) {
    OrderState& state = beam_[parent];
    state.push(type);
    const Time bound = bounds_.of(state, best_);
    if (bound < best_) children_.push_back({parent, type, bound, bounds_.sum()});
    state.pop();
  }

  // Of equal scores one goes on: most often they are the same prefix, reached in two ways.
  void select() {
    std::sort(children_.begin(), children_.end());
    const auto same = [](const Child& a, const Child& b) { return a.same_score(b); };
    children_.erase(std::unique(children_.begin(), children_.end(), same), children_.end());
    if (children_.size() > width_) children_.resize(width_);
    next_.clear();
    for (const Child& child : children_) {
      next_.push_back(beam_[child.parent]);
      next_.back().push(child.type);
    }
    beam_.swap(next_);
  }

  const OrderProblem& problem_;
  OrderBounds bounds_;
  Time best_;
  std::size_t width_;
  std::vector<OrderState> beam_;
  std::vector<OrderState> next_;
  std::vector<Child> children_;
};

}  // namespace

std::optional<Order> search_beam(const OrderProblem& problem, Time best, std::size_t width,
                                 Deadline deadline) {
  return BeamSearch(problem, best, width).run(deadline);
}

}  // namespace ppsim
