#include "explore/fit/fit_certainty.hpp"

#include <algorithm>
#include <cmath>

#include "explore/fit/symmetric_eigen.hpp"

namespace ppsim {
namespace {

constexpr double kLeastVariance = 1e-8;
constexpr double kChiSquare95 = 3.84;

double dot(const std::vector<double>& a, const std::vector<double>& b, const std::vector<double>& weights) {
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) sum += weights[i] * a[i] * b[i];
  return sum;
}

// Those of the tables times Huber's; the sum is 1.
std::vector<double> robust_weights(const FitProblem& problem, const FitPart& part, const FitState& at) {
  std::vector<double> weights = part.weights;
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i)
    sum += weights[i] *= problem.huber().weight(at.point.errors[i]);
  for (double& weight : weights) weight = sum > 0 ? weight / sum : 0;
  return weights;
}

SquareMatrix normal_matrix(const FitPart& part, const FitState& at, const std::vector<double>& weights) {
  SquareMatrix matrix(part.free.size(), std::vector<double>(part.free.size()));
  for (std::size_t a = 0; a < part.free.size(); ++a) {
    for (std::size_t b = 0; b <= a; ++b)
      matrix[a][b] = matrix[b][a] = dot(at.jacobian[part.free[a]], at.jacobian[part.free[b]], weights);
  }
  return matrix;
}

double mean_square(const std::vector<double>& errors, const std::vector<double>& weights) {
  double sum = 0;
  for (std::size_t i = 0; i < errors.size(); ++i)
    if (weights[i] > 0) sum += weights[i] * errors[i] * errors[i];
  return sum;
}

/// Of a fit's mean: s^2 / n.
double variance_of_mean(const FitProblem& problem, const FitPart& part, const FitState& at,
                        const std::vector<double>& weights) {
  const double samples = effective_samples(part, at.point.errors, problem.huber());
  if (samples == 0) return kNothing * kNothing;
  const double left = std::max(samples - static_cast<double>(part.free.size()), 1.0);
  return std::max(mean_square(at.point.errors, weights) * samples / left, kLeastVariance) / samples;
}

/// What a direction moves of a parameter. Rounding mixes a little of all into one along which nothing
/// happens, which is nothing beside its variance.
double component(double of_vector, double variance) {
  const bool mixed_in = variance == kNothing * kNothing && std::abs(of_vector) * kNothing < kUntold;
  return mixed_in ? 0 : of_vector;
}

// Variances along the eigenvectors, put together again.
SquareMatrix covariance_of(const SymmetricEigen& eigen, double variance) {
  const std::size_t n = eigen.values.size();
  SquareMatrix covariance(n, std::vector<double>(n));
  for (std::size_t k = 0; k < n; ++k) {
    const bool tells = eigen.values[k] > kLeastInfluence * kLeastInfluence;
    const double most = kNothing * kNothing;
    const double along = tells ? std::min(variance / eigen.values[k], most) : most;
    for (std::size_t a = 0; a < n; ++a) {
      for (std::size_t b = 0; b < n; ++b) {
        covariance[a][b] +=
            along * component(eigen.vectors[a][k], along) * component(eigen.vectors[b][k], along);
      }
    }
  }
  return covariance;
}

}  // namespace

FitCertainty certainty_of(const FitProblem& problem, const FitPart& part, const FitState& at) {
  const std::vector<double> weights = robust_weights(problem, part, at);
  const SquareMatrix covariance = covariance_of(symmetric_eigen(normal_matrix(part, at, weights)),
                                                variance_of_mean(problem, part, at, weights));
  const std::size_t n = problem.parameter_count();
  FitCertainty result{std::vector<double>(n), SquareMatrix(n, std::vector<double>(n))};
  for (std::size_t a = 0; a < part.free.size(); ++a) {
    result.standard_error[part.free[a]] = std::sqrt(covariance[a][a]);
    for (std::size_t b = 0; b < part.free.size(); ++b) {
      result.correlation[part.free[a]][part.free[b]] =
          a == b ? 1
                 : std::clamp(covariance[a][b] / std::sqrt(covariance[a][a] * covariance[b][b]), -1.0, 1.0);
    }
  }
  return result;
}

double chance_rise(const FitProblem& problem, const FitPart& part, const FitState& at) {
  const double samples = std::max(effective_samples(part, at.point.errors, problem.huber()), 1.0);
  return kChiSquare95 * std::max(at.loss, kLeastVariance / 2) / samples;
}

}  // namespace ppsim
