#include "metrics/cost_fit.hpp"

#include <algorithm>
#include <cmath>

#include "metrics/nearest_rank.hpp"

namespace ppsim {
namespace {

double in_nanoseconds(Time time) {
  return static_cast<double>(time.count());
}

Time median_time(const std::vector<double>& values) {
  return round_to_time(median(values));
}

bool differs(double least, double most) {
  return least > 0 && most >= kLeastRatio * least;
}

// Relative errors of one size are what weights 1 / t^2 mean; nothing takes less than a nanosecond.
WeightedPoint point_of(Time modelled, const std::vector<double>& totals) {
  const double y = std::max(median(totals), 1.0);
  return {in_nanoseconds(modelled), y, 1 / (y * y)};
}

class CostFitter {
 public:
  CostFit fit(std::span<const StepSamples* const> steps) {
    for (const StepSamples* step : steps)
      for (const OpSample& op : step->ops) add(op);
    fit_cells();
    for (std::size_t kind = 0; kind < kCostKinds; ++kind) list_points(kind);
    fit_overhead();
    for (std::size_t kind = 0; kind < kCostKinds; ++kind) fit_factor(static_cast<CostKind>(kind));
    fit_common_factor();
    add_residuals();
    return std::move(fit_);
  }

 private:
  void add(const OpSample& op) {
    const auto kind = static_cast<std::size_t>(op.kind);
    const double total = in_nanoseconds(op.total());
    by_cell_[{op.kind, op.stages, op.stage, op.modelled}].push_back(total);
    by_duration_[kind][op.modelled].push_back(total);
    ++fit_.kinds[kind].samples;
    if (is_pass(op.kind)) gaps_.push_back(in_nanoseconds(op.gap));
  }

  void fit_cells() {
    for (const auto& [cell, totals] : by_cell_) fit_.cells[cell] = {totals.size(), median_time(totals)};
  }

  void list_points(std::size_t kind) {
    KindFit& fit = fit_.kinds[kind];
    if (fit.samples == 0) return;
    fit.points = by_duration_[kind].size();
    fit.least = by_duration_[kind].begin()->first;
    fit.most = by_duration_[kind].rbegin()->first;
    for (const auto& [modelled, totals] : by_duration_[kind])
      points_[kind].push_back(point_of(modelled, totals));
    if (differs(in_nanoseconds(fit.least), in_nanoseconds(fit.most)))
      fit.intercept = theil_sen(points_[kind]).intercept;
  }

  void fit_overhead() {
    std::vector<WeightedValue> intercepts;
    for (std::size_t kind = 0; kind < kCostKinds; ++kind) {
      const KindFit& fit = fit_.kinds[kind];
      if (is_pass(static_cast<CostKind>(kind)) && fit.intercept)
        intercepts.push_back({*fit.intercept, static_cast<double>(fit.samples)});
    }
    fit_.overhead_by_line = !intercepts.empty();
    double overhead = gaps_.empty() ? 0 : median(gaps_);
    if (fit_.overhead_by_line) overhead = weighted_median(std::move(intercepts));
    fit_.overhead = round_to_time(std::clamp(overhead, 0.0, in_nanoseconds(shortest_pass())));
  }

  [[nodiscard]] Time shortest_pass() const {
    Time shortest = Time::max();
    for (const auto& [cell, fit] : fit_.cells)
      if (is_pass(cell.kind)) shortest = std::min(shortest, fit.duration);
    return shortest == Time::max() ? Time{} : shortest;
  }

  [[nodiscard]] double overhead_of(CostKind kind) const {
    return is_pass(kind) ? in_nanoseconds(fit_.overhead) : 0;
  }

  void fit_factor(CostKind kind) {
    const auto number = static_cast<std::size_t>(kind);
    std::vector<WeightedValue> factors;
    for (const WeightedPoint& point : points_[number]) {
      if (point.x <= 0) continue;
      factors.push_back({std::max(point.y - overhead_of(kind), 0.0) / point.x, point.x / point.y});
    }
    if (!factors.empty()) fit_.kinds[number].factor = weighted_median(std::move(factors));
  }

  void fit_common_factor() {
    std::vector<double> factors;
    for (std::size_t kind = 0; kind < kCostKinds; ++kind)
      if (is_pass(static_cast<CostKind>(kind)) && fit_.kinds[kind].samples > 0)
        factors.push_back(fit_.kinds[kind].factor);
    if (!factors.empty()) fit_.factor = median(std::move(factors));
  }

  void add_residuals() {
    std::array<std::vector<double>, kCostKinds> of_cells, of_samples;
    for (const auto& [cell, totals] : by_cell_) {
      const auto kind = static_cast<std::size_t>(cell.kind);
      const double middle = std::max(in_nanoseconds(fit_.cells[cell].duration), 1.0);
      of_cells[kind].push_back(std::abs(middle / std::max(in_nanoseconds(fit_.on_line(cell)), 1.0) - 1));
      for (const double total : totals) {
        of_samples[kind].push_back(std::abs(total / middle - 1));
        fit_.kinds[kind].factors.push_back(std::max(total, 1.0) / middle);
      }
    }
    for (std::size_t kind = 0; kind < kCostKinds; ++kind) {
      if (of_cells[kind].empty()) continue;
      fit_.kinds[kind].line_residual = median(of_cells[kind]);
      fit_.kinds[kind].residual_p50 = median(of_samples[kind]);
      fit_.kinds[kind].residual_p95 = nearest_rank(of_samples[kind], 95);
    }
  }

  CostFit fit_;
  std::map<CostCell, std::vector<double>> by_cell_;  // totals, in_nanoseconds
  std::array<std::map<Time, std::vector<double>>, kCostKinds> by_duration_;
  std::array<std::vector<WeightedPoint>, kCostKinds> points_;
  std::vector<double> gaps_;  // of passes
};

}  // namespace

Time CostFit::on_line(const CostCell& cell) const {
  const KindFit& kind = of(cell.kind);
  if (!is_pass(cell.kind)) return round_to_time(kind.factor * in_nanoseconds(cell.modelled));
  return overhead + round_to_time((kind.samples > 0 ? kind.factor : factor) * in_nanoseconds(cell.modelled));
}

Time CostFit::predict(const CostCell& cell) const {
  const auto found = cells.find(cell);
  return found != cells.end() ? found->second.duration : on_line(cell);
}

CostFit fit_costs(std::span<const StepSamples* const> steps) {
  return CostFitter().fit(steps);
}

}  // namespace ppsim
