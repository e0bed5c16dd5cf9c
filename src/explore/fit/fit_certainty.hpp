// How well samples tell parameters.
#pragma once

#include "explore/fit/fit_search.hpp"

namespace ppsim {

struct FitCertainty {
  /// [parameters] standard errors, in ranges; a direction in which predictions change by less than
  /// kLeastInfluence has kNothing. 0 for parameters that stand still.
  std::vector<double> standard_error;
  std::vector<std::vector<double>> correlation;  ///< [parameters][parameters]; of those that stand still none
};

inline constexpr double kNothing =
    10;  // ranges; large beside kUnidentified even as a share among several parameters
inline constexpr double kUnidentified = 0.5;  // ranges

/// Of the free parameters, by the Jacobian of `at`. Covariance: s^2 / n (J^T W J)^-1, the weights W with a
/// sum of 1, n effective samples, s^2 the weighted mean square of the errors over n - free of n, and at least
/// 1e-4 squared: no clock measures better. O(samples x free^2 + free^3).
[[nodiscard]] FitCertainty certainty_of(const FitProblem& problem, const FitPart& part, const FitState& at);

/// The rise of the loss that taking one parameter away makes by chance 19 times in 20: chi^2 with one degree
/// of freedom below 3.84.
[[nodiscard]] double chance_rise(const FitProblem& problem, const FitPart& part, const FitState& at);

}  // namespace ppsim
