#include "explore/fit/fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "explore/fit/fit_certainty.hpp"
#include "explore/fit/fit_folds.hpp"
#include "explore/fit/fit_search.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

constexpr std::size_t kTriedForOneStart = 4;
constexpr double kSamePredictions = 1e-5;  // a Jacobian is as good at the one point as at the other

// A low-discrepancy sequence in the unit interval, index from 1 (Halton 1960).
double radical_inverse(std::size_t index, std::size_t base) {
  double result = 0, digit = 1;
  for (; index > 0; index /= base) {
    digit /= static_cast<double>(base);
    result += digit * static_cast<double>(index % base);
  }
  return result;
}

// Two multiples of one prime run in step: the primes of Halton's sequence.
std::size_t next_prime(std::size_t after) {
  const auto is_prime = [](std::size_t n) {
    for (std::size_t d = 2; d * d <= n; ++d)
      if (n % d == 0) return false;
    return true;
  };
  do ++after;
  while (!is_prime(after));
  return after;
}

std::vector<double> spread_point(std::size_t index, std::size_t parameters) {
  std::vector<double> unit;
  for (std::size_t base = 2; unit.size() < parameters; base = next_prime(base))
    unit.push_back(radical_inverse(index, base));
  return unit;
}

bool same_predictions(const FitPoint& a, const FitPoint& b) {
  for (Eigen::Index i = 0; i < a.errors.size(); ++i) {
    const bool same = std::isnan(a.errors[i]) ? std::isnan(b.errors[i])
                                              : std::abs(a.errors[i] - b.errors[i]) <= kSamePredictions;
    if (!same) return false;
  }
  return true;
}

/// What is left for after the search: derivatives and sensitivities of all parameters, and the folds.
std::size_t reserved(std::size_t parameters, std::uint32_t folds) {
  return 6 * parameters + (folds < 2 ? 0 : folds * (parameters + 4));
}

class Fitting {
 public:
  Fitting(FitProblem& problem, const std::vector<FitParameter>& parameters, const FitSamples& samples,
          const FitOptions& options)
      : problem_(problem),
        parameters_(parameters),
        samples_(samples),
        options_(options),
        verdicts_(parameters.size(), FitVerdict::Identified) {
    part_.free.resize(parameters.size());
    std::iota(part_.free.begin(), part_.free.end(), std::size_t{0});
    part_.weights = problem.whole_weights();
    search_limit_ = options.most_predictions - reserved(parameters.size(), options.folds);
  }

  FitResult run() {
    search_from_starts();
    while (drop_unidentified()) {
    }
    FitResult result = describe();
    cross_validate(result);
    result.predictions = problem_.predictions();
    return result;
  }

 private:
  std::size_t left() const { return search_limit_ - std::min(search_limit_, problem_.predictions()); }

  // The limit may have left no derivatives to a start, and then nothing tells how certain its values are.
  void take_if_better(FitState state) {
    if (state.jacobian.size() == 0) return;
    if (state_.point.errors.size() > 0 && state.loss >= state_.loss) return;
    state_ = std::move(state);
  }

  void search_from_starts() {
    const std::size_t half = left() / 2;
    take_if_better(search(problem_, part_, {problem_.predict(problem_.box().start())}, half));
    std::vector<FitState> others = other_starts();
    for (std::size_t i = 0; i < others.size(); ++i)
      take_if_better(search(problem_, part_, std::move(others[i]), left() / (others.size() - i + 1)));
  }

  /// The best of a few points that are spread evenly.
  std::vector<FitState> other_starts() {
    const std::size_t wanted = options_.starts - std::min(options_.starts, 1U);
    std::vector<FitState> starts;
    for (std::size_t i = 1; i <= wanted * kTriedForOneStart && left() > 1; ++i) {
      starts.push_back({problem_.predict(spread_point(i, parameters_.size()))});
      starts.back().loss = problem_.loss(starts.back().point.errors, part_.weights);
    }
    std::stable_sort(starts.begin(), starts.end(),
                     [](const FitState& a, const FitState& b) { return a.loss < b.loss; });
    if (starts.size() > wanted) starts.resize(wanted);
    return starts;
  }

  /// The least certain of those that are not identified; the last of equals.
  std::optional<std::size_t> least_certain() const {
    const std::vector<double> errors = certainty_of(problem_, part_, state_).standard_error;
    std::optional<std::size_t> found;
    for (const std::size_t p : part_.free) {
      if (errors[p] <= kUnidentified || verdicts_[p] != FitVerdict::Identified) continue;
      if (!found || errors[p] > 0.99 * errors[*found]) found = p;
    }
    return found;
  }

  /// Sets one parameter back to its default and fits the rest again, unless that is worse than by chance.
  bool drop_unidentified() {
    const std::optional<std::size_t> dropped = least_certain();
    if (!dropped) return false;
    if (left() <= part_.free.size() + 1) return state_.converged = false;
    FitPart rest = part_;
    rest.free.erase(std::find(rest.free.begin(), rest.free.end(), *dropped));
    const std::size_t limit = left();
    FitState without = search(problem_, rest, without_parameter(*dropped), limit);
    const bool unidentified = without.loss <= state_.loss + chance_rise(problem_, part_, state_);
    verdicts_[*dropped] = unidentified ? FitVerdict::Unidentified : FitVerdict::Ambiguous;
    if (unidentified) part_ = std::move(rest), state_ = std::move(without);
    return true;
  }

  FitState without_parameter(std::size_t dropped) {
    std::vector<double> unit = state_.point.unit;
    unit[dropped] = problem_.box().start()[dropped];
    FitState from{problem_.predict(std::move(unit)), state_.jacobian};
    from.jacobian.col(dropped).setZero();
    from.exact = state_.exact && same_predictions(from.point, state_.point);
    return from;
  }

  FitResult describe() {
    FitPart all = part_;
    all.free.resize(parameters_.size());
    std::iota(all.free.begin(), all.free.end(), std::size_t{0});
    state_.jacobian = problem_.differences(state_.point, all.free, true);
    state_.exact = true;
    FitResult result;
    result.converged = state_.converged;
    result.loss = state_.loss;
    result.log_ratios = {state_.point.errors.begin(), state_.point.errors.end()};
    result.errors = problem_.errors_of(state_.point.errors);
    const FitCertainty of_all = certainty_of(problem_, all, state_);
    result.correlation = of_all.correlation;
    const FitCertainty of_told = certainty_of(problem_, part_, state_);
    for (std::size_t p = 0; p < parameters_.size(); ++p) {
      const bool stands = verdicts_[p] == FitVerdict::Unidentified;
      result.parameters.push_back(
          describe(p, (stands ? of_all : of_told).standard_error[p], result.errors.overall.mean_absolute));
    }
    return result;
  }

  FittedParameter describe(std::size_t p, double standard_error, double mean_absolute) {
    const double unit = state_.point.unit[p];
    FittedParameter result{parameters_[p].name, problem_.box().value(p, unit), verdicts_[p], {}, {}, {}};
    if (standard_error < 1) result.standard_error = standard_error * problem_.box().value_slope(p, unit);
    result.sensitivity.one_percent = rise(p, 0.01, mean_absolute);
    result.sensitivity.ten_percent = rise(p, 0.1, mean_absolute);
    return result;
  }

  double rise(std::size_t p, double share, double mean_absolute) {
    const double value = problem_.box().value(p, state_.point.unit[p]);
    std::optional<double> most;
    for (const double factor : {1 - share, 1 + share}) {
      std::vector<double> unit = state_.point.unit;
      unit[p] = problem_.box().unit(p, std::clamp(value * factor, parameters_[p].least, parameters_[p].most));
      if (unit == state_.point.unit) continue;
      const FitPoint moved = problem_.predict(std::move(unit));
      const double change = problem_.errors_of(moved.errors).overall.mean_absolute - mean_absolute;
      most = std::max(most.value_or(change), change);
    }
    return most.value_or(0);
  }

  void cross_validate(FitResult& result) {
    const std::uint32_t folds = std::min(options_.folds, count_groups(samples_));
    if (folds < 2) return;
    FoldFits fits = fit_folds(problem_, part_, state_, folds_of(samples_, folds, options_.seed),
                              options_.most_predictions - problem_.predictions());
    result.held_out = problem_.errors_of(fits.held_out);
    result.held_out_ratios = {fits.held_out.begin(), fits.held_out.end()};
    result.converged = result.converged && fits.converged;
    for (const std::size_t p : part_.free) result.parameters[p].jackknife_error = jackknife_error(fits, p);
  }

  // Of the distances from the first fold's value, so that equal values have an error of zero to the last bit.
  double jackknife_error(const FoldFits& fits, std::size_t p) const {
    const auto count = static_cast<double>(fits.units.size());
    const auto distance = [&](const std::vector<double>& unit) {
      return problem_.box().value(p, unit[p]) - problem_.box().value(p, fits.units.front()[p]);
    };
    double mean = 0, squares = 0;
    for (const auto& unit : fits.units) mean += distance(unit) / count;
    for (const auto& unit : fits.units) squares += std::pow(distance(unit) - mean, 2);
    return std::sqrt((count - 1) / count * squares);
  }

  FitProblem& problem_;
  const std::vector<FitParameter>& parameters_;
  const FitSamples& samples_;
  const FitOptions& options_;
  FitPart part_;
  FitState state_;
  std::vector<FitVerdict> verdicts_;
  std::size_t search_limit_ = 0;
};

}  // namespace

std::size_t fewest_predictions(std::size_t parameters, std::uint32_t folds) {
  return reserved(parameters, folds) + 2 * (2 * parameters + 4);
}

FitResult fit(const std::vector<FitParameter>& parameters, const FitSamples& samples,
              const PredictSamples& predict, const FitOptions& options) {
  PPSIM_ASSERT(options.huber > 0 && std::isfinite(options.huber), fmt::format("huber {}", options.huber));
  FitProblem problem(parameters, samples, predict, options);
  const std::size_t fewest = fewest_predictions(parameters.size(), options.folds);
  if (options.most_predictions < fewest) {
    throw Error("predictions", fmt::format("a fit of {} parameters needs {} at least, not {}",
                                           parameters.size(), fewest, options.most_predictions));
  }
  return Fitting(problem, parameters, samples, options).run();
}

}  // namespace ppsim
