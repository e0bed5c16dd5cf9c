#include "output/picture/log_axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

constexpr double kMostTicks = 9;    // of those a step apart, and of powers of ten
constexpr double kFineDecades = 4;  // with 1, 2 and 5: up to 13 ticks
constexpr double kSlack = 1e-9;     // relative: a tick at the very end is on the axis

std::string label_of(double value) {
  if (value >= 1e-4 && value < 1e7) return fmt::format("{:.10g}", value);
  const int power = static_cast<int>(std::floor(std::log10(value) + kSlack));
  return fmt::format("{:.6g}e{}", value / std::pow(10.0, power), power);
}

class Ticks {
 public:
  Ticks(double least, double most) : least_(least * (1 - kSlack)), most_(most * (1 + kSlack)) {}

  void add(double value) {
    if (value >= least_ && value <= most_) ticks_.push_back({value, label_of(value)});
  }

  std::vector<LogTick> take() { return std::move(ticks_); }

 private:
  double least_;
  double most_;
  std::vector<LogTick> ticks_;
};

// The least of 1, 2, 5, 10, 20, ... times a power of ten that is at least `least`.
double round_distance(double least) {
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double digit : {1.0, 2.0, 5.0})
    if (digit * power >= least * (1 - kSlack)) return digit * power;
  return 10 * power;
}

void add_equally_far(Ticks& ticks, double least, double most) {
  const double distance = round_distance((most - least) / kMostTicks);
  const auto first = static_cast<long>(std::ceil(least / distance - kSlack));
  for (long i = first; static_cast<double>(i) * distance <= most * (1 + kSlack); ++i)
    ticks.add(static_cast<double>(i) * distance);
}

void add_decades(Ticks& ticks, double least, double most) {
  const double decades = std::log10(most / least);
  const int every = static_cast<int>(std::ceil(decades / kMostTicks));
  const int from = static_cast<int>(std::floor(std::log10(least))),
            to = static_cast<int>(std::ceil(std::log10(most)));
  for (int power = from; power <= to; ++power) {
    if (power % every != 0) continue;
    for (const double digit : {1.0, 2.0, 5.0})
      if (digit == 1 || decades <= kFineDecades) ticks.add(digit * std::pow(10.0, power));
  }
}

}  // namespace

std::vector<LogTick> log_ticks(double least, double most) {
  PPSIM_ASSERT(least > 0 && least < most && std::isfinite(most), fmt::format("{} .. {}", least, most));
  Ticks ticks(least, most);
  if (most / least < 5) {
    add_equally_far(ticks, least, most);
  } else {
    add_decades(ticks, least, most);
  }
  return ticks.take();
}

}  // namespace ppsim
