#include "metrics/robust_fit.hpp"

#include <algorithm>
#include <cmath>

#include "metrics/nearest_rank.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

constexpr std::size_t kMostPoints = 512;  // a quarter of a million pairs at most

bool by_x(const WeightedPoint& a, const WeightedPoint& b) {
  return a.x < b.x || (a.x == b.x && a.y < b.y);
}

// Both ends are kept, so that there are still two x.
std::vector<WeightedPoint> evenly(const std::vector<WeightedPoint>& sorted) {
  if (sorted.size() <= kMostPoints) return sorted;
  std::vector<WeightedPoint> result;
  for (std::size_t i = 0; i < kMostPoints; ++i)
    result.push_back(sorted[i * (sorted.size() - 1) / (kMostPoints - 1)]);
  return result;
}

double slope_weight(const WeightedPoint& a, const WeightedPoint& b) {
  return (b.x - a.x) / std::sqrt(1 / a.weight + 1 / b.weight);
}

double slope_of(const std::vector<WeightedPoint>& points) {
  std::vector<WeightedValue> slopes;
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (std::size_t j = i + 1; j < points.size(); ++j) {
      const WeightedPoint &a = points[i], &b = points[j];
      if (a.x < b.x) slopes.push_back({(b.y - a.y) / (b.x - a.x), slope_weight(a, b)});
    }
  }
  return weighted_median(std::move(slopes));
}

}  // namespace

double median(std::vector<double> values) {
  PPSIM_ASSERT(!values.empty(), "a median of nothing");
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : values[half - 1] + (values[half] - values[half - 1]) / 2;
}

double weighted_median(std::vector<WeightedValue> values) {
  PPSIM_ASSERT(!values.empty(), "a median of nothing");
  std::sort(values.begin(), values.end(),
            [](const WeightedValue& a, const WeightedValue& b) { return a.value < b.value; });
  double whole = 0, below = 0;
  for (const WeightedValue& one : values) whole += one.weight;
  for (std::size_t i = 0; i + 1 < values.size(); ++i) {
    below += values[i].weight;
    if (2 * below > whole) return values[i].value;
    if (2 * below == whole) return (values[i].value + values[i + 1].value) / 2;
  }
  return values.back().value;
}

FittedLine theil_sen(std::vector<WeightedPoint> points) {
  std::sort(points.begin(), points.end(), by_x);
  PPSIM_ASSERT(!points.empty() && points.front().x < points.back().x, "a line through one x");
  points = evenly(points);
  FittedLine line{.slope = slope_of(points)};
  std::vector<WeightedValue> left;
  for (const WeightedPoint& point : points)
    left.push_back({point.y - line.slope * point.x, std::sqrt(point.weight)});
  line.intercept = weighted_median(std::move(left));
  return line;
}

FactorSpread spread_of(std::span<const double> factors) {
  std::vector<double> distances;
  for (const double factor : factors) distances.push_back(std::abs(std::log(factor)));
  constexpr double kNormal = 1.4826;    // 1 / the third quartile of a standard normal
  constexpr double kNormal95 = 1.9600;  // of |z|
  constexpr double kHeavy = 1.5;        // seen of normal samples once in hundreds where there are 30 or more
  const double sigma = kNormal * median(distances);
  return {sigma, nearest_rank(std::move(distances), 95) > kHeavy * kNormal95 * sigma};
}

std::vector<double> thinned(std::vector<double> values, std::size_t count) {
  std::sort(values.begin(), values.end());
  if (values.size() <= count) return values;
  std::vector<double> result;
  for (std::size_t i = 0; i < count; ++i) result.push_back(values[(2 * i + 1) * values.size() / (2 * count)]);
  return result;
}

}  // namespace ppsim
