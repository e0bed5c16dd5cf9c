// A fit as numbers: parameters in the unit box, errors of samples, their loss.
#pragma once

#include <Eigen/Core>

#include <limits>

#include "explore/fit/fit.hpp"

namespace ppsim {

/// Moving over a whole range changes predictions by this much, as a root mean square, where an influence
/// begins: twice what rounding to nanoseconds (1e-6) makes of a difference over kDifference.
inline constexpr double kLeastInfluence = 1e-3;
inline constexpr double kDifference = 1e-3;  // of a range

/// Huber's loss: quadratic to `delta`, then linear. NaN, a sample that cannot be predicted, is a fixed loss,
/// that of an error of 10x.
class HuberLoss {
 public:
  explicit HuberLoss(double delta) : delta_(delta) {}

  [[nodiscard]] double loss(double error) const;
  [[nodiscard]] double slope(double error) const;
  [[nodiscard]] double weight(double error) const;  ///< slope / error: 1 for small ones

 private:
  double delta_;
};

/// Values as shares of their range.
class UnitBox {
 public:
  explicit UnitBox(const std::vector<FitParameter>& parameters);

  [[nodiscard]] const std::vector<double>& start() const { return start_; }
  [[nodiscard]] double unit(std::size_t parameter, double value) const;
  /// The default, to the digit, where `unit` is its place.
  [[nodiscard]] double value(std::size_t parameter, double unit) const;
  [[nodiscard]] double value_slope(std::size_t parameter, double unit) const;  ///< d value / d unit

 private:
  const std::vector<FitParameter>& parameters_;
  std::vector<double> start_;
};

/// [samples][parameters] d ln(predicted) / d unit; columns of zeros for parameters that stand still.
using Jacobian = Eigen::MatrixXd;

struct FitPoint {
  std::vector<double> unit;  ///< [parameters]
  Eigen::VectorXd errors;    ///< [samples] ln(predicted / measured)
};

/// What of a problem is fitted.
struct FitPart {
  std::vector<std::size_t> free;  ///< parameters, ascending
  Eigen::VectorXd weights;        ///< [samples] 0 for those held out; the sum is 1
};

class FitProblem {
 public:
  FitProblem(const std::vector<FitParameter>& parameters, const FitSamples& samples,
             const PredictSamples& predict, const FitOptions& options);

  [[nodiscard]] FitPoint predict(std::vector<double> unit);
  /// One prediction a free parameter; with `central` two, where the bounds allow.
  [[nodiscard]] Jacobian differences(const FitPoint& point, const std::vector<std::size_t>& free,
                                     bool central);

  /// Weights of the samples for which `kept` is set: each table has its own, divided among them.
  [[nodiscard]] Eigen::VectorXd weights(const std::vector<bool>& kept) const;
  [[nodiscard]] double loss(const Eigen::VectorXd& errors, const Eigen::VectorXd& weights) const;
  [[nodiscard]] ErrorsByTable errors_of(const Eigen::VectorXd& errors) const;

  [[nodiscard]] const UnitBox& box() const { return box_; }
  [[nodiscard]] const HuberLoss& huber() const { return huber_; }
  [[nodiscard]] std::size_t parameter_count() const { return parameters_.size(); }
  [[nodiscard]] std::size_t sample_count() const { return samples_.group.size(); }
  [[nodiscard]] std::size_t table_count() const { return samples_.table_weight.size(); }
  [[nodiscard]] std::size_t predictions() const { return predictions_; }
  /// [samples] of all of them.
  [[nodiscard]] const Eigen::VectorXd& whole_weights() const { return whole_weights_; }

 private:
  Eigen::VectorXd slope(const FitPoint& point, std::size_t parameter, bool central);

  const std::vector<FitParameter>& parameters_;
  FitSamples samples_;
  const PredictSamples& predict_;
  const FitOptions& options_;
  UnitBox box_;
  HuberLoss huber_;
  Eigen::VectorXd whole_weights_;
  std::size_t predictions_ = 0;
  double least_loss_ = std::numeric_limits<double>::infinity();
};

[[nodiscard]] Eigen::VectorXd zero_where_nan(const Eigen::VectorXd& numbers);

/// The weights over their sum; zeros where their sum is zero.
[[nodiscard]] Eigen::VectorXd with_sum_one(Eigen::VectorXd weights);

/// [samples] weights of tables times Huber's.
[[nodiscard]] Eigen::VectorXd robust_weights(const FitPart& part, const Eigen::VectorXd& errors,
                                             const HuberLoss& huber);

/// Kish's effective number of samples of a robust fit: (sum of weights)^2 / sum of their squares, the
/// weights those of robust_weights().
[[nodiscard]] double effective_samples(const FitPart& part, const Eigen::VectorXd& errors,
                                       const HuberLoss& huber);

}  // namespace ppsim
