// The search for the least loss.
#pragma once

#include "explore/fit/fit_problem.hpp"

namespace ppsim {

struct FitState {
  FitPoint point;
  Jacobian jacobian;   ///< near the point; of no size: not yet known
  bool exact = false;  ///< it is at the point
  double loss = 0;     ///< of the part that was searched
  bool converged = false;
};

/// From `from` to a point that no linearised step makes better by 1/10000 of the loss, or until `predictions`
/// more were made. A step costs one prediction; the Jacobian follows by Broyden's update, and is taken anew
/// when steps disappoint, and once before the end.
[[nodiscard]] FitState search(FitProblem& problem, const FitPart& part, FitState from,
                              std::size_t predictions);

/// [parameters] 0 but for the free: the step within `radius` and the unit box that makes the loss of
/// errors + J step least.
[[nodiscard]] Eigen::VectorXd best_step(const FitProblem& problem, const FitPart& part, const FitState& at,
                                        double radius);

}  // namespace ppsim
