#include "metrics/message_fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "metrics/robust_fit.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

double in_ns(Time time) {
  return static_cast<double>(std::max<Time::rep>(time.count(), 1));
}

std::vector<WeightedPoint> points_of(std::span<const SizeTime> samples) {
  std::vector<WeightedPoint> points;
  for (const SizeTime& one : samples) {
    const double time = in_ns(one.time);
    points.push_back({static_cast<double>(one.size.count()), time, 1 / (time * time)});
  }
  return points;
}

bool have_one_size(std::span<const SizeTime> samples) {
  return std::all_of(samples.begin(), samples.end(),
                     [&](const SizeTime& one) { return one.size == samples.front().size; });
}

// ns a byte of the fastest link that a config takes.
constexpr double kLeastSlope = 1e-6;

// `slope` in ns a byte.
BytesPerSecond bandwidth_of(double slope) {
  constexpr double kNanoseconds = 1e9;
  const double rate = kNanoseconds / std::max(slope, kLeastSlope);
  return BytesPerSecond(std::max<std::int64_t>(std::llround(rate), 1));
}

std::vector<WeightedValue> slopes_of(std::span<const SizeTime> samples, Time latency) {
  std::vector<WeightedValue> slopes;
  for (const SizeTime& one : samples) {
    const auto bytes = static_cast<double>(one.size.count());
    if (one.time > latency && bytes > 0)
      slopes.push_back({in_ns(one.time - latency) / bytes, bytes / in_ns(one.time)});
  }
  return slopes;
}

MessageFit make_fit(const Link& link, std::span<const SizeTime> samples) {
  MessageFit fit{link, {}};
  for (const SizeTime& one : samples)
    fit.errors.push_back(in_ns(message_time(link, one.size)) / in_ns(one.time) - 1);
  return fit;
}

}  // namespace

double MessageFit::largest_error() const {
  double largest = 0;
  for (const double error : errors) largest = std::max(largest, std::abs(error));
  return largest;
}

Time message_time(const Link& link, Bytes size) {
  return link.latency + size / link.bandwidth;
}

MessageFit fit_messages(std::span<const SizeTime> samples, Time empty) {
  if (have_one_size(samples)) throw Error("", "messages of one size, expected at least two sizes");
  const FittedLine line = theil_sen(points_of(samples));
  if (line.intercept >= 0 && line.slope >= kLeastSlope)
    return make_fit({bandwidth_of(line.slope), round_to_time(line.intercept)}, samples);
  if (slopes_of(samples, empty).empty()) return make_fit({bandwidth_of(0), empty}, samples);
  return fit_bandwidth(samples, empty);
}

MessageFit fit_bandwidth(std::span<const SizeTime> samples, Time latency) {
  std::vector<WeightedValue> slopes = slopes_of(samples, latency);
  if (slopes.empty() && latency > Time{}) return fit_bandwidth(samples, Time{});
  return make_fit({bandwidth_of(weighted_median(std::move(slopes))), latency}, samples);
}

}  // namespace ppsim
