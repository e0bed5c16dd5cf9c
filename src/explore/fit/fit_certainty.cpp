#include "explore/fit/fit_certainty.hpp"

#include <Eigen/SVD>

#include <algorithm>
#include <cmath>

namespace ppsim {
namespace {

constexpr double kLeastVariance = 1e-8;
constexpr double kChiSquare95 = 3.84;

struct Eigenpairs {
  Eigen::VectorXd values;
  Eigen::MatrixXd vectors;  // [row][which], orthonormal
};

// J^T W J of the free parameters. Both factors have the square roots of the weights, so that the matrix is
// symmetric to the last bit. The matrices here are small, and lazy products spare the compiler a second that
// it takes for Eigen's product of large ones.
Eigen::MatrixXd normal_matrix(const FitPart& part, const FitState& at, const Eigen::VectorXd& weights) {
  const Eigen::MatrixXd slopes = weights.cwiseSqrt().asDiagonal() * at.jacobian(Eigen::all, part.free);
  return slopes.transpose().lazyProduct(slopes);
}

// A normal matrix has no eigenvalue below zero, so that its singular values and its right singular vectors
// are its eigenvalues and eigenvectors. Eigen's Jacobi rotations compile in a third of the time that its
// solver for symmetric matrices takes.
Eigenpairs eigenpairs_of(const Eigen::MatrixXd& normal) {
  if (normal.size() == 0) return {};  // Eigen takes no matrix without rows
  const Eigen::JacobiSVD<Eigen::MatrixXd, Eigen::NoQRPreconditioner> svd(normal, Eigen::ComputeFullV);
  return {svd.singularValues(), svd.matrixV()};
}

double mean_square(const Eigen::VectorXd& errors, const Eigen::VectorXd& weights) {
  return weights.dot(zero_where_nan(errors).cwiseAbs2());  // what has no error has no weight either
}

/// Of a fit's mean: s^2 / n.
double variance_of_mean(const FitProblem& problem, const FitPart& part, const FitState& at,
                        const Eigen::VectorXd& weights) {
  const double samples = effective_samples(part, at.point.errors, problem.huber());
  if (samples == 0) return kNothing * kNothing;
  const double left = std::max(samples - static_cast<double>(part.free.size()), 1.0);
  return std::max(mean_square(at.point.errors, weights) * samples / left, kLeastVariance) / samples;
}

/// The variance along an eigenvector.
double variance_along(double eigenvalue, double variance) {
  constexpr double kMost = kNothing * kNothing;
  return eigenvalue > kLeastInfluence * kLeastInfluence ? std::min(variance / eigenvalue, kMost) : kMost;
}

/// What a direction moves of a parameter. Rounding mixes a little of all into one along which nothing
/// happens, which is nothing beside its variance.
double component(double of_vector, double variance) {
  const bool mixed_in = variance == kNothing * kNothing && std::abs(of_vector) * kNothing < kUnidentified;
  return mixed_in ? 0 : of_vector;
}

// Variances along the eigenvectors, put together again.
Eigen::MatrixXd covariance_of(Eigenpairs eigen, double variance) {
  for (Eigen::Index k = 0; k < eigen.values.size(); ++k) {
    const double along = variance_along(eigen.values[k], variance);
    eigen.vectors.col(k) = std::sqrt(along) * eigen.vectors.col(k).unaryExpr([along](double of_vector) {
      return component(of_vector, along);
    });
  }
  return eigen.vectors.lazyProduct(eigen.vectors.transpose());
}

}  // namespace

FitCertainty certainty_of(const FitProblem& problem, const FitPart& part, const FitState& at) {
  const Eigen::VectorXd weights = with_sum_one(robust_weights(part, at.point.errors, problem.huber()));
  const Eigen::MatrixXd covariance = covariance_of(eigenpairs_of(normal_matrix(part, at, weights)),
                                                   variance_of_mean(problem, part, at, weights));
  const std::size_t n = problem.parameter_count();
  FitCertainty result{std::vector<double>(n), std::vector(n, std::vector<double>(n))};
  for (std::size_t a = 0; a < part.free.size(); ++a) {
    result.standard_error[part.free[a]] = std::sqrt(covariance(a, a));
    for (std::size_t b = 0; b < part.free.size(); ++b) {
      result.correlation[part.free[a]][part.free[b]] =
          a == b ? 1
                 : std::clamp(covariance(a, b) / std::sqrt(covariance(a, a) * covariance(b, b)), -1.0, 1.0);
    }
  }
  return result;
}

double chance_rise(const FitProblem& problem, const FitPart& part, const FitState& at) {
  const double samples = std::max(effective_samples(part, at.point.errors, problem.huber()), 1.0);
  return kChiSquare95 * std::max(at.loss, kLeastVariance / 2) / samples;
}

}  // namespace ppsim
