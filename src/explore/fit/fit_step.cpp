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

struct LinearModel {
  const FitProblem& problem;
  const FitPart& part;
  const FitState& at;
  std::vector<double> errors;

  /// The loss at `step` of the free parameters, over the scale of the loss; its gradient where asked for.
  double loss(const std::vector<double>& step, std::vector<double>& gradient) {
    predict(step);
    double sum = 0;
    for (const double part_of_step : step) sum += kRidge / 2 * part_of_step * part_of_step;
    if (!gradient.empty()) differentiate(step, gradient);
    return (sum + problem.loss(errors, part.weights)) / scale();
  }

 private:
  void predict(const std::vector<double>& step) {
    errors = at.point.errors;
    for (std::size_t j = 0; j < step.size(); ++j) {
      const std::vector<double>& slopes = at.jacobian[part.free[j]];
      for (std::size_t i = 0; i < errors.size(); ++i) errors[i] += step[j] * slopes[i];
    }
  }

  void differentiate(const std::vector<double>& step, std::vector<double>& gradient) const {
    for (std::size_t j = 0; j < step.size(); ++j) {
      const std::vector<double>& slopes = at.jacobian[part.free[j]];
      double sum = kRidge * step[j];
      for (std::size_t i = 0; i < errors.size(); ++i)
        sum += part.weights[i] * problem.huber().slope(errors[i]) * slopes[i];
      gradient[j] = sum / scale();
    }
  }

  // So that the optimizer's tolerances mean the same for losses of all sizes.
  double scale() const { return std::max(at.loss, 1e-12); }
};

double loss_of_step(const std::vector<double>& step, std::vector<double>& gradient, void* model) {
  return static_cast<LinearModel*>(model)->loss(step, gradient);
}

}  // namespace

std::vector<double> best_step(const FitProblem& problem, const FitPart& part, const FitState& at,
                              double radius) {
  LinearModel model{problem, part, at, {}};
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
  std::vector<double> result(problem.parameter_count(), 0.0);
  for (std::size_t j = 0; j < step.size(); ++j) result[part.free[j]] = std::clamp(step[j], least[j], most[j]);
  return result;
}

}  // namespace ppsim
