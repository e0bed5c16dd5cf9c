#include "output/picture/time_axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace ppsim {
namespace {

/// The least of 1, 2, 5, 10, 20, ... nanoseconds that is at least `least`.
std::int64_t round_step(std::int64_t least) {
  for (std::int64_t power = 1;; power *= 10) {
    for (const std::int64_t digit : {1, 2, 5}) {
      if (digit * power >= least) return digit * power;
    }
  }
}

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};

Unit unit_for(Time end) {
  for (const Unit unit : {Unit{"s", 1'000'000'000}, Unit{"ms", 1'000'000}, Unit{"us", 1'000}}) {
    if (end.count() >= 2 * unit.nanoseconds) return unit;
  }
  return {"ns", 1};
}

}  // namespace

TimeAxis make_time_axis(Time end, std::size_t most) {
  const Unit unit = unit_for(end);
  const auto parts = static_cast<std::int64_t>(std::max<std::size_t>(1, most));
  const std::int64_t step = round_step((end.count() + parts - 1) / parts);
  TimeAxis axis{std::string(unit.name), {}};
  for (std::int64_t at = 0; at <= end.count(); at += step) {
    axis.ticks.push_back(
        {Time(at), fmt::format("{}", static_cast<double>(at) / static_cast<double>(unit.nanoseconds))});
  }
  return axis;
}

}  // namespace ppsim
