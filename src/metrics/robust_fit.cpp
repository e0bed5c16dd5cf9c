#include "ppsim/metrics/robust_fit.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

// Between each two samples that have one.
std::vector<WeightedValue> list_slopes(std::span<const LineSample> samples) {
  std::vector<WeightedValue> slopes;
  slopes.reserve(samples.size() * (samples.size() - 1) / 2);
  for (auto a = samples.begin(); a != samples.end(); ++a) {
    for (auto b = std::next(a); b != samples.end(); ++b) {
      const double dx = b->x - a->x;
      if (dx == 0) continue;
      const double deviation = std::sqrt(1 / a->weight + 1 / b->weight) / std::abs(dx);
      slopes.push_back({(b->y - a->y) / dx, 1 / deviation});
    }
  }
  return slopes;
}

}  // namespace

double median(std::vector<double> values) {
  PPSIM_ASSERT(!values.empty(), "the median of nothing");
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return std::midpoint(*std::max_element(values.begin(), middle), *middle);
}

double weighted_median(std::vector<WeightedValue> values) {
  PPSIM_ASSERT(!values.empty(), "the median of nothing");
  std::sort(values.begin(), values.end(), [](const WeightedValue& a, const WeightedValue& b) {
    return a.value != b.value ? a.value < b.value : a.weight < b.weight;
  });
  double total = 0;
  for (const WeightedValue& one : values) total += one.weight;
  double below = 0;
  for (std::size_t i = 0; i + 1 < values.size(); ++i) {
    below += values[i].weight;
    if (2 * below > total) return values[i].value;
    if (2 * below == total) return std::midpoint(values[i].value, values[i + 1].value);
  }
  return values.back().value;
}

LineFit fit_line(std::span<const LineSample> samples) {
  std::vector<WeightedValue> slopes = samples.empty() ? std::vector<WeightedValue>{} : list_slopes(samples);
  PPSIM_ASSERT(!slopes.empty(), "a line through samples at one place");
  const double slope = weighted_median(std::move(slopes));
  std::vector<WeightedValue> rests;
  for (const LineSample& one : samples) rests.push_back({one.y - slope * one.x, std::sqrt(one.weight)});
  return {weighted_median(std::move(rests)), slope};
}

LineFit fit_line_from_origin(std::span<const LineSample> samples) {
  std::vector<WeightedValue> slopes;
  for (const LineSample& one : samples)
    if (one.x != 0) slopes.push_back({one.y / one.x, std::abs(one.x) * std::sqrt(one.weight)});
  PPSIM_ASSERT(!slopes.empty(), "a line through the origin and nothing else");
  return {0, weighted_median(std::move(slopes))};
}

}  // namespace ppsim
