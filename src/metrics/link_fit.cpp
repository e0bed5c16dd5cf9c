#include "ppsim/metrics/link_fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ppsim/core/error.hpp"
#include "ppsim/metrics/robust_fit.hpp"

namespace ppsim {
namespace {

constexpr double kNanoseconds = 1e9;

std::vector<LineSample> line_samples(std::span<const SizeTime> samples) {
  std::vector<LineSample> result;
  for (const SizeTime& one : samples) {
    const auto time = static_cast<double>(std::max<Time::rep>(one.time.count(), 1));
    result.push_back({static_cast<double>(one.size.count()), time, 1 / (time * time)});
  }
  return result;
}

bool have_one_size(std::span<const SizeTime> samples) {
  return std::all_of(samples.begin(), samples.end(),
                     [&](const SizeTime& one) { return one.size == samples.front().size; });
}

// `slope` > 0, in ns a byte.
BytesPerSecond bandwidth_of(double slope) {
  const double rate = kNanoseconds / slope;
  if (rate >= static_cast<double>(std::numeric_limits<std::int64_t>::max() / 2))
    throw Error("", "longer messages do not take longer, expected times that grow with the size");
  return BytesPerSecond(std::max<std::int64_t>(std::llround(rate), 1));
}

}  // namespace

double LinkFit::largest_error() const {
  double largest = 0;
  for (const double error : errors) largest = std::max(largest, std::abs(error));
  return largest;
}

Time link_time(const Link& link, Bytes size) {
  return link.latency + size / link.bandwidth;
}

LinkFit fit_link(std::span<const SizeTime> samples) {
  if (have_one_size(samples)) throw Error("", "messages of one size, expected at least two sizes");
  const std::vector<LineSample> points = line_samples(samples);
  LineFit line = fit_line(points);
  if (line.intercept < 0) line = fit_line_from_origin(points);
  if (line.slope <= 0)
    throw Error("", "longer messages do not take longer, expected times that grow with the size");
  LinkFit fit{{bandwidth_of(line.slope), round_to_time(line.intercept)}, {}};
  for (const SizeTime& one : samples)
    fit.errors.push_back(static_cast<double>(link_time(fit.link, one.size).count()) /
                             static_cast<double>(std::max<Time::rep>(one.time.count(), 1)) -
                         1);
  return fit;
}

}  // namespace ppsim
