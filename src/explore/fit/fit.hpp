/// Parameters of a model fitted to many measured samples: robust, cross-validated, and honest about what the
/// samples cannot tell.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metrics/parameter_fit.hpp"

namespace ppsim {

struct FitParameter {
  std::string name;
  double least = 0;
  double most = 1;
  double start = 0.5;        ///< default: where the search begins, and what holds where samples tell nothing
  bool logarithmic = false;  ///< searched by its logarithm; `least` is then above 0
};

struct FitSamples {
  std::vector<std::uint32_t> group;  ///< [samples] a group is never on both sides of a cross-validation
  std::vector<std::uint32_t> table;  ///< [samples] 0, 1, ...
  std::vector<double> table_weight;  ///< [tables] of all its samples together; empty: each table the same
};

/// Values of all parameters -> [samples] ln(predicted / measured), NaN where a sample cannot be predicted.
/// May use threads inside; the same values give the same numbers.
using PredictSamples = std::function<void(std::span<const double> values, std::span<double> log_ratios)>;

/// Predictions made, the most that will be, and the least loss of any so far.
using FitProgress = std::function<void(std::size_t done, std::size_t limit, double loss)>;

struct FitOptions {
  std::uint32_t folds = 5;   ///< of the cross-validation; below 2: none
  std::uint64_t seed = 0;    ///< of the split into folds, and of nothing else
  double huber = 0.05;       ///< |ln(predicted / measured)| beyond which an error counts linearly
  std::uint32_t starts = 3;  ///< of the search: the parameters' own, then the best of a few spread evenly
  std::size_t most_predictions = 600;
  FitProgress progress{};
};

/// Least `most_predictions` for a fit of so many parameters.
[[nodiscard]] std::size_t fewest_predictions(std::size_t parameters, std::uint32_t folds);

/// Minimises the weighted mean of Huber's loss within the bounds: Gauss-Newton steps in a trust region
/// (Ekblom and Madsen, "Algorithms for non-linear Huber estimation", BIT 29, 1989), each the minimum of the
/// loss of the linearised errors. Derivatives are differences over 1/1000 of a range, so that predictions in
/// whole nanoseconds will do. Parameters that the samples cannot tell (standard error above half the range)
/// go back to their default, the least certain first, and the rest is fitted again. Standard errors are those
/// of (J^T W J)^-1, W the weights of tables times Huber's. Throws Error (where: the parameter, "samples",
/// "predictions") for bounds that do not hold their start, for no sample, for weights that are not a table's,
/// and for a limit below fewest_predictions(); what `predict` throws is thrown on.
[[nodiscard]] FitResult fit(const std::vector<FitParameter>& parameters, const FitSamples& samples,
                            const PredictSamples& predict, const FitOptions& options);

}  // namespace ppsim
