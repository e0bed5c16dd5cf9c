#include <algorithm>
#include <nlopt.hpp>

#include "explore/fit/fit_search.hpp"

namespace ppsim {
namespace {

// The loss of linearised errors is convex, and costs no prediction. Of NLopt's gradient methods with bounds,
// SLSQP came to its minimum in the fewest rounds.
constexpr nlopt::algorithm kAlgorithm = nlopt::LD_SLSQP;
constexpr int kMostRounds = 500;

// A step along which nothing changes by kLeastInfluence is not worth taking, and rounding would make it a
// long one.
constexpr double kRidge = kLeastInfluence * kLeastInfluence;

/// Errors that are linear in a step of the free parameters.
class LinearModel {
 public:
  LinearModel(const FitProblem& problem, const FitPart& part, const FitState& at)
      : problem_(problem), part_(part), at_(at), slopes_(at.jacobian(Eigen::all, part.free)) {}

  /// The loss at `step`, over the scale of the loss; its gradient where asked for.
  double loss(const std::vector<double>& step, std::vector<double>& gradient) const {
    const auto free = step.size();
    const Eigen::Map<const Eigen::VectorXd> along(step.data(), free);
    const Eigen::VectorXd errors = at_.point.errors + slopes_ * along;
    if (!gradient.empty())
      Eigen::Map<Eigen::VectorXd>(gradient.data(), free) =
          (slopes_.transpose() * pull(errors) + kRidge * along) / scale();
    return (kRidge / 2 * along.squaredNorm() + problem_.loss(errors, part_.weights)) / scale();
  }

 private:
  /// [samples] what the loss gains with each error.
  Eigen::VectorXd pull(const Eigen::VectorXd& errors) const {
    return part_.weights.cwiseProduct(
        errors.unaryExpr([&](double error) { return problem_.huber().slope(error); }));
  }

  // So that the optimizer's tolerances mean the same for losses of all sizes.
  double scale() const { return std::max(at_.loss, 1e-12); }

  const FitProblem& problem_;
  const FitPart& part_;
  const FitState& at_;
  Eigen::MatrixXd slopes_;  // [samples][free]
};

double loss_of_step(const std::vector<double>& step, std::vector<double>& gradient, void* model) {
  return static_cast<const LinearModel*>(model)->loss(step, gradient);
}

}  // namespace

Eigen::VectorXd best_step(const FitProblem& problem, const FitPart& part, const FitState& at, double radius) {
  LinearModel model(problem, part, at);
  nlopt::opt optimizer(kAlgorithm, static_cast<unsigned>(part.free.size()));
  optimizer.set_min_objective(loss_of_step, &model);
  std::vector<double> least, most, step(part.free.size(), 0.0);
  for (const std::size_t p : part.free) {
    least.push_back(std::max(-radius, -at.point.unit[p]));
    most.push_back(std::min(radius, 1 - at.point.unit[p]));
  }
  optimizer.set_lower_bounds(least);
  optimizer.set_upper_bounds(most);
  optimizer.set_ftol_rel(1e-9);
  optimizer.set_xtol_abs(1e-7);
  optimizer.set_maxeval(kMostRounds);
  double loss = 0;
  try {
    optimizer.optimize(step, loss);
  } catch (const nlopt::roundoff_limited&) {
    // It came as far as digits go, and `step` is where.
  }
  Eigen::VectorXd result = Eigen::VectorXd::Zero(at.jacobian.cols());
  for (std::size_t j = 0; j < step.size(); ++j) result[part.free[j]] = std::clamp(step[j], least[j], most[j]);
  return result;
}

}  // namespace ppsim
