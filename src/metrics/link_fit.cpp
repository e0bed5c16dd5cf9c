#include "metrics/link_fit.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "metrics/cost_fit.hpp"
#include "metrics/nearest_rank.hpp"
#include "metrics/robust_fit.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

double ns(Time time) {
  return static_cast<double>(time.count());
}

// measured = latency + slope x transmission, in ns.
struct Curve {
  double latency = 0;
  double slope = 1;
  LinkDetermined determined = LinkDetermined::Both;

  [[nodiscard]] double at(double transmission) const { return latency + slope * transmission; }
};

double slope_through(const std::vector<WeightedPoint>& points, double latency) {
  std::vector<WeightedValue> slopes;
  for (const WeightedPoint& point : points)
    if (point.x > 0) slopes.push_back({(point.y - latency) / point.x, point.x / point.y});
  return weighted_median(std::move(slopes));
}

Curve curve_of_one_size(const std::vector<WeightedPoint>& points, double latency_before) {
  const double slope = slope_through(points, latency_before);
  if (slope > 0) return {latency_before, slope, LinkDetermined::Bandwidth};
  return {0, slope_through(points, 0), LinkDetermined::Bandwidth};
}

// Where the bandwidth as it was would take longer than was measured, it is as high as needs be: then it adds
// a hundredth to the longest.
Curve flat_curve(const std::vector<WeightedPoint>& points) {
  constexpr double kAdded = 0.01;
  const bool fits_before =
      std::all_of(points.begin(), points.end(), [](const WeightedPoint& point) { return point.x < point.y; });
  std::vector<WeightedValue> left;
  for (const WeightedPoint& point : points)
    left.push_back({point.y - (fits_before ? point.x : 0), 1 / point.y});
  const double latency = weighted_median(std::move(left));
  return {latency, fits_before ? 1 : kAdded * latency / points.back().x, LinkDetermined::Latency};
}

// Points by x, ascending.
Curve curve_through(const std::vector<WeightedPoint>& points, double latency_before) {
  const double least = points.front().x, most = points.back().x;
  if (least > 0 && most < kLeastRatio * least) return curve_of_one_size(points, latency_before);
  const FittedLine line = theil_sen(points);
  if (line.slope <= 0) return flat_curve(points);
  if (line.intercept < 0) return {0, slope_through(points, 0), LinkDetermined::Bandwidth};
  return {line.intercept, line.slope, LinkDetermined::Both};
}

// Twice the fastest that a config may have would be an error when it is read.
BytesPerSecond scaled_bandwidth(BytesPerSecond before, double slope) {
  constexpr double kFastest = 1e15;
  return BytesPerSecond(static_cast<std::int64_t>(
      std::llround(std::clamp(static_cast<double>(before.count()) / slope, 1.0, kFastest))));
}

class LinkFitter {
 public:
  LinkFitter(std::span<const TransferSample> samples, const Link& before) : before_(before) {
    fit_.before = before;
    fit_.transfers = samples.size();
    for (const TransferSample& sample : samples) {
      if (!sample.is_honest()) continue;
      ++fit_.samples;
      groups_[{sample.transmission, sample.bytes}].push_back(std::max(time_of(sample), 1.0));
    }
    PPSIM_ASSERT(!groups_.empty() && groups_.rbegin()->first.first > Time{}, "no transfer of any bytes");
  }

  LinkFit fit() && {
    const Curve curve = curve_through(points(), ns(before_.latency));
    fit_.determined = curve.determined;
    fit_.link = {scaled_bandwidth(before_.bandwidth, curve.slope), round_to_time(curve.latency), {}};
    add_sizes(curve);
    add_residuals(curve);
    return std::move(fit_);
  }

 private:
  // Without what is on the way beside the link.
  [[nodiscard]] double time_of(const TransferSample& sample) const {
    return ns(sample.measured) - ns(sample.latency - before_.latency);
  }

  [[nodiscard]] std::vector<WeightedPoint> points() const {
    std::vector<WeightedPoint> points;
    for (const auto& [size, times] : groups_) {
      const double y = median(times);
      points.push_back({ns(size.first), y, 1 / (y * y)});
    }
    return points;
  }

  void add_sizes(const Curve& curve) {
    for (const auto& [size, times] : groups_)
      fit_.sizes.push_back(
          {size.second, times.size(), round_to_time(median(times)), round_to_time(curve.at(ns(size.first)))});
    std::stable_sort(fit_.sizes.begin(), fit_.sizes.end(),
                     [](const SizeFit& a, const SizeFit& b) { return a.bytes < b.bytes; });
    fit_.link.measured = SizeRange{fit_.sizes.front().bytes, fit_.sizes.back().bytes};
  }

  void add_residuals(const Curve& curve) {
    std::vector<double> residuals;
    bool by_bytes = true;
    for (const auto& [size, times] : groups_) {
      const double transmission = curve.slope * ns(size.first),
                   fitted = std::max(curve.at(ns(size.first)), 1.0);
      by_bytes &= 2 * transmission >= fitted;
      for (const double time : times) {
        residuals.push_back(std::abs(time / fitted - 1));
        if (by_bytes)
          fit_.factors.push_back(std::clamp((time - curve.latency) / transmission, kLeast, 1 / kLeast));
      }
    }
    if (!by_bytes) fit_.factors.clear();
    fit_.residual_p50 = median(residuals);
    fit_.residual_p95 = nearest_rank(std::move(residuals), 95);
  }

  static constexpr double kLeast = 1e-3;  // a thousand times as fast, or as slow, is no jitter

  Link before_;
  LinkFit fit_;
  std::map<std::pair<Time, Bytes>, std::vector<double>> groups_;  // by transmission and size: ns
};

}  // namespace

LinkFit fit_link(std::span<const TransferSample> samples, const Link& before) {
  return LinkFitter(samples, before).fit();
}

}  // namespace ppsim
