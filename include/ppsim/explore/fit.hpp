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

/// Of predicted / measured - 1. A sample that cannot be predicted counts 1 in `mean_absolute`, and not in
/// `bias`.
struct FitErrors {
  std::size_t samples = 0;
  std::size_t unpredicted = 0;
  double mean_absolute = 0;
  double bias = 0;  ///< mean
};

struct ErrorsByTable {
  FitErrors overall;              ///< every sample the same
  std::vector<FitErrors> tables;  ///< [tables]
};

enum class FitVerdict : std::uint8_t {
  Told,       ///< by the samples
  Ambiguous,  ///< they exclude the default, and leave so much else that the value is one of many
  Untold,     ///< set back to the default, with which they are as content as with most of the range
};

/// Rise of the mean absolute error when a parameter moves by a share of its value, as far as its bounds
/// allow, in whichever direction is worse. Below 0 where moving helps.
struct FitSensitivity {
  double one_percent = 0;
  double ten_percent = 0;
};

struct FittedParameter {
  std::string name;
  double value = 0;
  FitVerdict verdict = FitVerdict::Told;
  std::optional<double> standard_error;  ///< in the units of the value; empty where samples say nothing of it
  /// The same by the fits of the folds: sqrt((k - 1) / k sum (value of one - mean)^2), the delete-a-group
  /// jackknife. Sees what derivatives do not: kinks, samples of a group that err together. Empty without
  /// folds.
  std::optional<double> jackknife_error;
  FitSensitivity sensitivity;
};

struct FitResult {
  std::vector<FittedParameter> parameters;
  double loss = 0;  ///< weighted mean of Huber's loss of ln(predicted / measured)
  ErrorsByTable errors;
  std::optional<ErrorsByTable> held_out;  ///< of the cross-validation; empty: none, or a single group
  std::vector<double> log_ratios;         ///< [samples] of the values found
  std::vector<double> held_out_ratios;    ///< [samples] of the fit to the other folds
  /// [parameters][parameters] of all of them, told or not, at the values found; two that occur only as a
  /// product have -1.
  std::vector<std::vector<double>> correlation;
  std::size_t predictions = 0;
  bool converged = false;  ///< false: the limit ended a search, or came before all verdicts
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
