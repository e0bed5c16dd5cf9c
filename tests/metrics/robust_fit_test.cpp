#include "ppsim/metrics/robust_fit.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <vector>

namespace ppsim::test {
namespace {

TEST_CASE("the median of an even number of values lies between the two in the middle") {
  CHECK(median({7}) == 7);
  CHECK(median({9, 1, 5}) == 5);
  CHECK(median({8, 2, 100, 4}) == 6);
}

TEST_CASE("half of the weight lies on either side of a weighted median") {
  CHECK(weighted_median({{5, 1}}) == 5);
  // 1 + 1 of 5 lie below 30, which has more than the half that is left.
  CHECK(weighted_median({{30, 3}, {10, 1}, {20, 1}}) == 30);
  // 2 of 4 lie at 10, 2 above it: the half is met between 10 and 20.
  CHECK(weighted_median({{20, 1}, {10, 2}, {40, 1}}) == 15);
}

TEST_CASE("equal weights make a weighted median the median") {
  CHECK(rc::check([](const std::vector<int>& numbers) {
    RC_PRE(!numbers.empty());
    std::vector<double> values(numbers.begin(), numbers.end());
    std::vector<WeightedValue> weighted;
    for (const double value : values) weighted.push_back({value, 2});
    RC_ASSERT(weighted_median(weighted) == median(values));
  }));
}

// y = 3 + 2 x on whole numbers: every slope is exactly 2 and every rest exactly 3.
TEST_CASE("samples of a line give the line") {
  const std::vector<LineSample> samples = {{0, 3, 1}, {1, 5, 4}, {4, 11, 0.5}, {4, 11, 1}, {10, 23, 9}};
  const LineFit line = fit_line(samples);
  CHECK(line.slope == 2);
  CHECK(line.intercept == 3);
  CHECK(line.at(100) == 203);
}

// Slopes weigh by |dx|: those of the 9 samples at 0..8 sum up to 120, those of one sample at an end to 36,
// those of two between 2 and 6 to at most 44. Less than half of 120 each, and of the rests 7 of 9 are right.
TEST_CASE("one bad sample at an end, or two in between, leave the line where it is") {
  CHECK(rc::check([] {
    std::vector<LineSample> samples;
    for (int x = 0; x < 9; ++x) samples.push_back({static_cast<double>(x), 3.0 + 2.0 * x, 1});
    const auto spoil = [&](int place) {
      samples[static_cast<std::size_t>(place)].y = *rc::gen::inRange(-9999, 9999);
    };
    if (*rc::gen::arbitrary<bool>()) {
      spoil(*rc::gen::element(0, 8));
    } else {
      spoil(*rc::gen::inRange(2, 7));
      spoil(*rc::gen::inRange(2, 7));
    }
    const LineFit line = fit_line(samples);
    RC_ASSERT(line.slope == 2);
    RC_ASSERT(line.intercept == 3);
  }));
}

// Times of 100 + x, the long ones 3 % late and the short ones 3 % early, in turn. As shares of y they all
// count: the line is within 3 % of each.
TEST_CASE("weights 1 / y^2 fit over decades of sizes") {
  std::vector<LineSample> samples;
  double off = 0.03;
  for (double x = 1; x <= 1e6; x *= 4) {
    const double y = (100 + x) * (1 + off);
    samples.push_back({x, y, 1 / (y * y)});
    off = -off;
  }
  const LineFit line = fit_line(samples);
  for (const LineSample& one : samples) CHECK(line.at(one.x) == doctest::Approx(100 + one.x).epsilon(0.03));
}

TEST_CASE("a line through the origin is the median of y / x") {
  const std::vector<LineSample> samples = {{0, 5, 1}, {1, 2, 1}, {2, 6, 1}, {4, 20, 1}};
  // Slopes 2, 3, 5 weigh 1, 2, 4: more than half lies at 5.
  CHECK(fit_line_from_origin(samples).slope == 5);
  CHECK(fit_line_from_origin(samples).intercept == 0);
}

}  // namespace
}  // namespace ppsim::test
