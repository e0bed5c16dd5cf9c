#include "ppsim/core/units.hpp"

#include <doctest/doctest.h>

#include <rapidcheck.h>

#include <initializer_list>
#include <limits>
#include <stdexcept>

#include "core/int128.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim::units_test {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

static_assert(Bytes(2) + Bytes(3) == Bytes(5));
static_assert(Bytes(2) - Bytes(3) == Bytes(-1));
static_assert(Bytes(7) / 2 == Bytes(3));
static_assert(2 * Bytes(7) == Bytes(14) && Bytes(7) * 2 == Bytes(14));
static_assert(Flops(7) * 0.5 == Flops(3.5) && Flops(7) / 2 == Flops(3.5));
static_assert(Bytes(1) < Bytes(2) && Bytes() == Bytes(0));
static_assert(Flops(3e12) / FlopsPerSecond(1e12) == Seconds(3));

TEST_CASE("quantities add up in place") {
  Bytes sum;
  sum += Bytes(5);
  sum -= Bytes(2);
  CHECK(sum == Bytes(3));
}

TEST_CASE("bytes over a rate round half up to a nanosecond") {
  struct Case {
    std::int64_t bytes, rate, nanoseconds;
  };
  for (const Case& c : std::initializer_list<Case>{
           {0, 1, 0},
           {1, 1, 1'000'000'000},
           {2'500'000, 50'000'000'000, 50'000},  // the reference case: 50 us
           {1, 2'000'000'000, 1},                // 0.5
           {1, 2'000'000'001, 0},                // just below
           {3, 2'000'000'000, 2},                // 1.5
           {1, 3'000'000'000, 0},                // 0.33
           {2, 3'000'000'000, 1},                // 0.67
           {9'007'199'254'740'993, 1'000'000'000,
            9'007'199'254'740'993},  // 2^53 + 1: a double would lose the 1
           {kLargest, kLargest, 1'000'000'000},
           {kLargest, 1'000'000'000, kLargest},
       }) {
    CAPTURE(c.bytes);
    CAPTURE(c.rate);
    CHECK(Bytes(c.bytes) / BytesPerSecond(c.rate) == Time(c.nanoseconds));
  }
}

TEST_CASE("a scaled time rounds half up, keeps its last digit where the factor is 1, and never overflows") {
  CHECK(scaled(Time(10), 0.5) == Time(5));
  CHECK(scaled(Time(5), 0.5) == Time(3));   // 2.5
  CHECK(scaled(Time(9), 0.25) == Time(2));  // 2.25
  CHECK(scaled(Time(7), 0) == Time(0));
  CHECK(scaled(Time(9'007'199'254'740'993), 1) == Time(9'007'199'254'740'993));  // 2^53 + 1, no double
  CHECK(scaled(kMostTime, 1000) == Time::max());
  CHECK(round_to_time(2.5) == Time(3));
  CHECK(round_to_time(0x1p63) == Time::max());
}

TEST_CASE("a transfer longer than a Time can say takes the longest Time") {
  CHECK(Bytes(kLargest) / BytesPerSecond(1) == Time::max());
  CHECK(Bytes(kLargest) / BytesPerSecond(999'999'999) == Time::max());
}

TEST_CASE("a transfer time is within half a nanosecond, the exact half above") {
  const bool held = rc::check([] {
    const auto bytes = *rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 40);
    const auto rate = *rc::gen::inRange<std::int64_t>(1'000'000, std::int64_t{1} << 40);
    const Time time = Bytes(bytes) / BytesPerSecond(rate);
    // t - 1/2 <= bytes x 1e9 / rate < t + 1/2, times 2 x rate.
    const Int128 exact = Int128{2} * bytes * 1'000'000'000;
    RC_ASSERT(Int128{2 * time.count() - 1} * rate <= exact);
    RC_ASSERT(exact < Int128{2 * time.count() + 1} * rate);
  });
  CHECK(held);
}

TEST_CASE("negative bytes and a rate of zero are our own mistakes") {
  CHECK_THROWS_AS((void)(Bytes(-1) / BytesPerSecond(1)), std::logic_error);
  CHECK_THROWS_AS((void)(Bytes(1) / BytesPerSecond(0)), std::logic_error);
}

TEST_CASE("seconds round half up to a nanosecond") {
  CHECK(to_time(Seconds(0)) == Time(0));
  CHECK(to_time(Seconds(1.5)) == Time(1'500'000'000));
  CHECK(to_time(Seconds(0.5e-9)) == Time(1));
  CHECK(to_time(Seconds(0.49e-9)) == Time(0));
  CHECK(to_time(Seconds(-0.5e-9)) == Time(0));
  CHECK(to_time(Seconds(-0.51e-9)) == Time(-1));
}

TEST_CASE("seconds that no Time can say are an error") {
  const double infinite = std::numeric_limits<double>::infinity();
  for (const double seconds :
       {9.3e9, -9.3e9, infinite, -infinite, std::numeric_limits<double>::quiet_NaN()}) {
    CAPTURE(seconds);
    CHECK_THROWS_AS((void)to_time(Seconds(seconds)), Error);
  }
  CHECK(to_time(Seconds(9.2e9)) == Time(9'200'000'000'000'000'000));
}

}  // namespace
}  // namespace ppsim::units_test
