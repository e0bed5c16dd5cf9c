/// Robust statistics: medians, and lines through points, that a few wild samples do not move.
#pragma once

#include <span>
#include <vector>

namespace ppsim {

/// Of an even number the mean of the middle two. Requires a value.
[[nodiscard]] double median(std::vector<double> values);

struct WeightedValue {
  double value = 0;
  double weight = 1;  ///< above 0
};

/// The first value, ascending, up to which half of the weight lies; where that is half to the digit, the mean
/// with the next. Requires a value.
[[nodiscard]] double weighted_median(std::vector<WeightedValue> values);

struct WeightedPoint {
  double x = 0;
  double y = 0;
  double weight = 1;  ///< 1 / variance of y, up to a constant; above 0
};

struct FittedLine {
  double intercept = 0;
  double slope = 0;
};

/// Theil (1950) and Sen (1968): the median of the slopes of all pairs, here weighted by each one's inverse
/// standard deviation (Jaeckel 1972 weighs by distance, which this is for equal weights); then the median of
/// what the points leave over. Up to 29 % of the points may be anywhere. Of more than 512 points as many are
/// taken, evenly by x. Requires two different x. O(n^2 log n).
[[nodiscard]] FittedLine theil_sen(std::vector<WeightedPoint> points);

/// How factors around 1 spread.
struct FactorSpread {
  double sigma = 0;    ///< of their logarithm: 1.4826 x the median of |ln factor| (Rousseeuw and Croux 1993)
  bool heavy = false;  ///< more than that far out: a log-normal of this sigma is no picture of them
};

/// Heavy: the 95th percentile of |ln factor| is more than 1.5 times what a normal of that sigma has, 1.96
/// sigma. Requires a factor, all above 0.
[[nodiscard]] FactorSpread spread_of(std::span<const double> factors);

/// At most `count` of the values, ascending, at even shares of their number, as a picture of all of them.
[[nodiscard]] std::vector<double> thinned(std::vector<double> values, std::size_t count);

}  // namespace ppsim
