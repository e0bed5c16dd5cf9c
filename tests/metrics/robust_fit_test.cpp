#include "metrics/robust_fit.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "metrics/nearest_rank.hpp"

namespace ppsim::robust_fit_test {
namespace {

using doctest::Approx;

TEST_CASE("medians and percentiles are what one counts by hand") {
  CHECK(median({3}) == 3);
  CHECK(median({4, 1, 3, 2}) == 2.5);
  CHECK(median({5, 1, 100}) == 5);
  CHECK(nearest_rank<double>({10, 20, 30, 40}, 50) == 20);
  CHECK(nearest_rank<double>({10, 20, 30, 40}, 51) == 30);
  CHECK(nearest_rank<double>({10, 20, 30, 40}, 100) == 40);
}

TEST_CASE("a weighted median stands where half of the weight lies") {
  CHECK(weighted_median({{7, 2}}) == 7);
  // 1 + 1 of 6 below 3, which has the rest.
  CHECK(weighted_median({{2, 1}, {3, 4}, {1, 1}}) == 3);
  // Half of the weight below 2.5, half above.
  CHECK(weighted_median({{1, 1}, {2, 1}, {3, 1}, {4, 1}}) == 2.5);
}

TEST_CASE("a line is found through points on it, however they are weighed") {
  for (const double power : {0.0, 2.0}) {
    std::vector<WeightedPoint> points;
    for (const double x : {8.0, 1.0, 4.0, 2.0}) {
      const double y = 30 + 1.5 * x;
      points.push_back({x, y, 1 / std::pow(y, power)});
    }
    const FittedLine line = theil_sen(points);
    CHECK(line.slope == Approx(1.5));
    CHECK(line.intercept == Approx(30));
  }
}

TEST_CASE("three wild points of eleven do not move a line") {
  // Of 55 pairs 28 have two good points: the median slope is theirs, where all weigh alike by distance they
  // still are more than half of the weight, as the wild ones lie in the middle.
  std::vector<WeightedPoint> points;
  for (int i = 0; i < 11; ++i) points.push_back({1.0 * i, 10 + 2.0 * i});
  for (const std::size_t wild : {4U, 5U, 6U}) points[wild].y = 1e6;
  const FittedLine line = theil_sen(points);
  CHECK(line.slope == Approx(2));
  CHECK(line.intercept == Approx(10));
}

TEST_CASE("of thousands of points enough are taken, from end to end") {
  std::vector<WeightedPoint> points(3000, WeightedPoint{1, 5});
  points.push_back({2, 8});
  // All but one have the same x, so that every slope is of the last: 3, and the intercept 5 - 3.
  const FittedLine line = theil_sen(points);
  CHECK(line.slope == Approx(3));
  CHECK(line.intercept == Approx(2));
}

TEST_CASE("sigma is that of a log-normal, and what lies far outside is told") {
  // The quantiles (i - 0.5) / n of a normal, by its own distribution function, inverted by halving.
  const auto quantile = [](double share) {
    double low = -8, high = 8;
    for (int i = 0; i < 60; ++i) {
      const double middle = (low + high) / 2;
      (0.5 * std::erfc(-middle / std::sqrt(2.0)) < share ? low : high) = middle;
    }
    return low;
  };
  std::vector<double> factors;
  for (int i = 0; i < 1000; ++i) factors.push_back(std::exp(0.1 * quantile((i + 0.5) / 1000)));
  CHECK(spread_of(factors).sigma == Approx(0.1).epsilon(0.01));
  CHECK_FALSE(spread_of(factors).heavy);
  for (std::size_t i = 0; i < 100; ++i) factors[i * 10] = 2;  // one in ten takes twice as long
  CHECK(spread_of(factors).heavy);
}

TEST_CASE("factors that are all alike do not spread") {
  CHECK(spread_of(std::vector<double>(10, 1.0)).sigma == 0);
  CHECK_FALSE(spread_of(std::vector<double>(10, 1.0)).heavy);
}

TEST_CASE("thinned values stand at even shares of all") {
  CHECK(thinned({3, 1, 2}, 5) == std::vector<double>{1, 2, 3});
  // (2 i + 1) x 8 / 8: the 2nd, 4th, 6th and 8th, counted from 1.
  CHECK(thinned({8, 7, 6, 5, 4, 3, 2, 1}, 4) == std::vector<double>{2, 4, 6, 8});
}

}  // namespace
}  // namespace ppsim::robust_fit_test
