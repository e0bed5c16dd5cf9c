#include "explore/fit/fit_search.hpp"

#include <algorithm>

namespace ppsim {
namespace {

constexpr double kWorthwhile = 1e-4;   // of the loss: for 700 samples a quarter of a standard error
constexpr double kExact = 1e-11;       // loss of errors of a few 1e-6, which rounding to nanoseconds makes
constexpr double kFirstRadius = 0.3;   // of a range
constexpr double kLeastRadius = 5e-4;  // below the difference that derivatives are taken over

class Search {
 public:
  Search(FitProblem& problem, const FitPart& part, FitState from, std::size_t predictions)
      : problem_(problem), part_(part), at_(std::move(from)), limit_(problem.predictions() + predictions) {
    at_.loss = problem.loss(at_.point.errors, part.weights);
    at_.converged = part.free.empty();
  }

  FitState run() {
    if (at_.jacobian.size() == 0 && !at_.converged) renew_jacobian();
    while (!at_.converged && !stopped_) iterate();
    return std::move(at_);
  }

 private:
  void iterate() {
    const Eigen::VectorXd step = best_step(problem_, part_, at_, radius_);
    const double hoped = at_.loss - problem_.loss(linearised(step), part_.weights);
    if (hoped <= kWorthwhile * at_.loss + kExact || radius_ < kLeastRadius) return end();
    if (!affords(1)) return;
    const FitPoint next = problem_.predict(moved(step));
    const double won = at_.loss - problem_.loss(next.errors, part_.weights);
    if (won <= 0 && !at_.exact) return renew_jacobian();
    resize(step, won / hoped);
    if (won <= 0) return;
    update_jacobian(step, next);
    at_.point = next;
    at_.loss -= won;
    if (won < hoped / 2) renew_jacobian();
  }

  // With a Jacobian that is only near, there may be a better step yet.
  void end() {
    if (at_.exact) {
      at_.converged = true;
      return;
    }
    radius_ = std::max(radius_, 10 * kLeastRadius);
    renew_jacobian();
  }

  void resize(const Eigen::VectorXd& step, double ratio) {
    const double size = step.lpNorm<Eigen::Infinity>();
    if (ratio < 0.25) radius_ = size / 3;
    if (ratio > 0.75) radius_ = std::max(radius_, 2 * size);
  }

  bool affords(std::size_t predictions) {
    stopped_ = stopped_ || problem_.predictions() + predictions > limit_;
    return !stopped_;
  }

  void renew_jacobian() {
    if (!affords(part_.free.size())) return;
    at_.jacobian = problem_.differences(at_.point, part_.free, false);
    at_.exact = true;
  }

  std::vector<double> moved(const Eigen::VectorXd& step) const {
    std::vector<double> unit = at_.point.unit;
    for (const std::size_t p : part_.free) unit[p] = std::clamp(unit[p] + step[p], 0.0, 1.0);
    return unit;
  }

  Eigen::VectorXd linearised(const Eigen::VectorXd& step) const {
    return at_.point.errors + at_.jacobian * step;
  }

  // Broyden (1965): the least change of J that maps the step to what it did. A step shorter than a difference
  // says less than rounding.
  void update_jacobian(const Eigen::VectorXd& step, const FitPoint& next) {
    at_.exact = false;
    if (step.lpNorm<Eigen::Infinity>() < kDifference) return;
    const Eigen::VectorXd surprise = zero_where_nan(next.errors - linearised(step));
    at_.jacobian += surprise * (step / step.squaredNorm()).transpose();
  }

  FitProblem& problem_;
  const FitPart& part_;
  FitState at_;
  std::size_t limit_;
  double radius_ = kFirstRadius;
  bool stopped_ = false;
};

}  // namespace

FitState search(FitProblem& problem, const FitPart& part, FitState from, std::size_t predictions) {
  return Search(problem, part, std::move(from), predictions).run();
}

}  // namespace ppsim
