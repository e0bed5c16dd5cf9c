/// Parameters fitted to measured samples: values, how sure they are, and the errors that are left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ppsim {

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

/// Whether the samples identify a parameter, as system identification calls the question.
enum class FitVerdict : std::uint8_t {
  Identified,    ///< the samples say what the value is
  Ambiguous,     ///< they exclude the default, and leave so much else that the value is one of many
  Unidentified,  ///< set back to the default, with which they are as content as with most of the range
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
  FitVerdict verdict = FitVerdict::Identified;
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
  /// [parameters][parameters] of all of them, identified or not, at the values found; two that occur only as
  /// a product have -1.
  std::vector<std::vector<double>> correlation;
  std::size_t predictions = 0;
  bool converged = false;  ///< false: the limit ended a search, or came before all verdicts
};

}  // namespace ppsim
