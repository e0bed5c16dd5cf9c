#include "explore/fit/fit_problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

constexpr double kUnpredicted = 2.302585092994046;  // ln 10

void check_parameter(const FitParameter& parameter) {
  const auto [name, least, most, start, logarithmic] = parameter;
  if (!std::isfinite(least) || !std::isfinite(most) || !(least < most))
    throw Error(name, fmt::format("expected least < most, not {} and {}", least, most));
  if (logarithmic && !(least > 0))
    throw Error(name, fmt::format("a logarithmic parameter has bounds above 0, not {}", least));
  if (!(start >= least && start <= most))
    throw Error(name, fmt::format("the start {} is outside of {} .. {}", start, least, most));
}

const std::vector<FitParameter>& checked(const std::vector<FitParameter>& parameters) {
  if (parameters.empty()) throw Error("parameters", "there is nothing to fit");
  std::set<std::string> names;
  for (const FitParameter& parameter : parameters) {
    check_parameter(parameter);
    if (!names.insert(parameter.name).second) throw Error(parameter.name, "two parameters have this name");
  }
  return parameters;
}

FitSamples checked(FitSamples samples) {
  if (samples.group.empty()) throw Error("samples", "there are none");
  PPSIM_ASSERT(samples.group.size() == samples.table.size(), "a table for each sample");
  const std::size_t tables = std::size_t{1} + *std::max_element(samples.table.begin(), samples.table.end());
  if (samples.table_weight.empty()) samples.table_weight.assign(tables, 1);
  if (samples.table_weight.size() < tables)
    throw Error("samples", fmt::format("{} tables have {} weights", tables, samples.table_weight.size()));
  for (const double weight : samples.table_weight) {
    if (!(weight >= 0) || !std::isfinite(weight))
      throw Error("samples", fmt::format("the weight of a table is at least 0, not {}", weight));
  }
  return samples;
}

void add(FitErrors& errors, double log_ratio) {
  ++errors.samples;
  if (std::isnan(log_ratio)) {
    ++errors.unpredicted;
    errors.mean_absolute += 1;
    return;
  }
  errors.mean_absolute += std::abs(std::expm1(log_ratio));
  errors.bias += std::expm1(log_ratio);
}

void divide(FitErrors& errors) {
  const std::size_t predicted = errors.samples - errors.unpredicted;
  if (errors.samples > 0) errors.mean_absolute /= static_cast<double>(errors.samples);
  if (predicted > 0) errors.bias /= static_cast<double>(predicted);
}

}  // namespace

double HuberLoss::loss(double error) const {
  const double size = std::isnan(error) ? kUnpredicted : std::abs(error);
  return size <= delta_ ? size * size / 2 : delta_ * (size - delta_ / 2);
}

double HuberLoss::slope(double error) const {
  return std::isnan(error) ? 0 : std::clamp(error, -delta_, delta_);
}

double HuberLoss::weight(double error) const {
  if (std::isnan(error)) return 0;
  return std::abs(error) <= delta_ ? 1 : delta_ / std::abs(error);
}

UnitBox::UnitBox(const std::vector<FitParameter>& parameters) : parameters_(parameters) {
  for (std::size_t p = 0; p < parameters.size(); ++p) start_.push_back(unit(p, parameters[p].start));
}

double UnitBox::unit(std::size_t parameter, double value) const {
  const FitParameter& p = parameters_[parameter];
  const double share = p.logarithmic ? std::log(value / p.least) / std::log(p.most / p.least)
                                     : (value - p.least) / (p.most - p.least);
  return std::clamp(share, 0.0, 1.0);
}

double UnitBox::value(std::size_t parameter, double unit) const {
  const FitParameter& p = parameters_[parameter];
  if (unit == start_[parameter]) return p.start;
  const double value =
      p.logarithmic ? p.least * std::pow(p.most / p.least, unit) : p.least + unit * (p.most - p.least);
  return std::clamp(value, p.least, p.most);
}

double UnitBox::value_slope(std::size_t parameter, double unit) const {
  const FitParameter& p = parameters_[parameter];
  return p.logarithmic ? value(parameter, unit) * std::log(p.most / p.least) : p.most - p.least;
}

FitProblem::FitProblem(const std::vector<FitParameter>& parameters, const FitSamples& samples,
                       const PredictSamples& predict, const FitOptions& options)
    : parameters_(checked(parameters)),
      samples_(checked(samples)),
      predict_(predict),
      options_(options),
      box_(parameters),
      huber_(options.huber),
      whole_weights_(weights(std::vector<bool>(sample_count(), true))) {
  if (whole_weights_.maxCoeff() == 0) throw Error("samples", "every table has the weight 0");
}

FitPoint FitProblem::predict(std::vector<double> unit) {
  std::vector<double> values;
  for (std::size_t p = 0; p < unit.size(); ++p) values.push_back(box_.value(p, unit[p]));
  FitPoint point{std::move(unit), Eigen::VectorXd::Zero(sample_count())};
  predict_(values, {point.errors.data(), sample_count()});
  for (double& error : point.errors) {
    if (!std::isfinite(error)) error = std::numeric_limits<double>::quiet_NaN();
  }
  ++predictions_;
  least_loss_ = std::min(least_loss_, loss(point.errors, whole_weights_));
  if (options_.progress) options_.progress(predictions_, options_.most_predictions, least_loss_);
  return point;
}

Eigen::VectorXd FitProblem::slope(const FitPoint& point, std::size_t parameter, bool central) {
  const double at = point.unit[parameter];
  const bool up = at + kDifference <= 1, down = at >= kDifference && (central || !up);
  FitPoint above = point, below = point;
  if (up) above.unit[parameter] += kDifference, above = predict(above.unit);
  if (down) below.unit[parameter] -= kDifference, below = predict(below.unit);
  const double width = above.unit[parameter] - below.unit[parameter];
  return zero_where_nan((above.errors - below.errors) / width);
}

Jacobian FitProblem::differences(const FitPoint& point, const std::vector<std::size_t>& free, bool central) {
  Jacobian jacobian = Jacobian::Zero(point.errors.size(), parameter_count());
  for (const std::size_t p : free) jacobian.col(p) = slope(point, p, central);
  return jacobian;
}

Eigen::VectorXd FitProblem::weights(const std::vector<bool>& kept) const {
  std::vector<double> of_table(table_count());
  Eigen::VectorXd result = Eigen::VectorXd::Zero(sample_count());
  for (std::size_t i = 0; i < sample_count(); ++i) of_table[samples_.table[i]] += kept[i] ? 1 : 0;
  for (std::size_t i = 0; i < sample_count(); ++i) {
    const std::uint32_t table = samples_.table[i];
    if (kept[i]) result[i] = samples_.table_weight[table] / of_table[table];
  }
  return with_sum_one(std::move(result));
}

double FitProblem::loss(const Eigen::VectorXd& errors, const Eigen::VectorXd& weights) const {
  return weights.dot(errors.unaryExpr([this](double error) { return huber_.loss(error); }));
}

ErrorsByTable FitProblem::errors_of(const Eigen::VectorXd& errors) const {
  ErrorsByTable result;
  result.tables.resize(table_count());
  for (std::size_t i = 0; i < sample_count(); ++i) {
    const double error = errors[i];
    add(result.overall, error);
    add(result.tables[samples_.table[i]], error);
  }
  divide(result.overall);
  for (FitErrors& table : result.tables) divide(table);
  return result;
}

Eigen::VectorXd zero_where_nan(const Eigen::VectorXd& numbers) {
  return numbers.array().isNaN().select(0.0, numbers);
}

Eigen::VectorXd with_sum_one(Eigen::VectorXd weights) {
  const double sum = weights.sum();
  return sum > 0 ? Eigen::VectorXd(weights / sum) : Eigen::VectorXd::Zero(weights.size());
}

Eigen::VectorXd robust_weights(const FitPart& part, const Eigen::VectorXd& errors, const HuberLoss& huber) {
  return part.weights.cwiseProduct(errors.unaryExpr([&](double error) { return huber.weight(error); }));
}

double effective_samples(const FitPart& part, const Eigen::VectorXd& errors, const HuberLoss& huber) {
  const Eigen::VectorXd weights = robust_weights(part, errors, huber);
  const double squares = weights.squaredNorm();
  return squares > 0 ? weights.sum() * weights.sum() / squares : 0;
}

}  // namespace ppsim
