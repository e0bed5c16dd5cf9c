#include "output/picture/time_axis.hpp"

#include <doctest/doctest.h>

#include <string>

namespace ppsim::test::time_axis_test {
namespace {

std::string text_of(const TimeAxis& axis) {
  std::string text = axis.unit + ":";
  for (const TimeAxis::Tick& tick : axis.ticks) text += " " + tick.label;
  return text;
}

}  // namespace

TEST_CASE("ticks are 1, 2 or 5 times a power of ten apart, in the unit that reads best") {
  CHECK(text_of(make_time_axis(Time(33'880'000), 10)) == "ms: 0 5 10 15 20 25 30");
  CHECK(text_of(make_time_axis(Time(10), 10)) == "ns: 0 1 2 3 4 5 6 7 8 9 10");
  CHECK(text_of(make_time_axis(Time(2'500), 5)) == "us: 0 0.5 1 1.5 2 2.5");
  CHECK(text_of(make_time_axis(Time(12'927'340'000), 4)) == "s: 0 5 10");
}

TEST_CASE("an axis of no length has the tick at 0") {
  CHECK(text_of(make_time_axis(Time(0), 10)) == "ns: 0");
}

}  // namespace ppsim::test::time_axis_test
