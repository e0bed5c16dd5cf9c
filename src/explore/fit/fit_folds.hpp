// Cross-validation of a fit.
#pragma once

#include <cstdint>
#include <vector>

#include "explore/fit/fit_search.hpp"

namespace ppsim {

/// [samples] the fold of each: groups in an order that `seed` draws, table after table, dealt out in turn; so
/// every fold has its share of each table.
[[nodiscard]] std::vector<std::uint32_t> folds_of(const FitSamples& samples, std::uint32_t folds,
                                                  std::uint64_t seed);

[[nodiscard]] std::uint32_t count_groups(const FitSamples& samples);

struct FoldFits {
  Eigen::VectorXd held_out;                ///< [samples] errors of the fit to the other folds
  std::vector<std::vector<double>> units;  ///< [folds][parameters] where the fit without it ends
  bool converged = true;                   ///< all of them
};

/// Each fold is held out once, and the rest searched from `whole`; at most `predictions` are made.
[[nodiscard]] FoldFits fit_folds(FitProblem& problem, const FitPart& part, const FitState& whole,
                                 const std::vector<std::uint32_t>& fold, std::size_t predictions);

}  // namespace ppsim
