/// Middles of samples and lines through them that a few bad samples do not move.
#pragma once

#include <span>
#include <vector>

namespace ppsim {

/// One measured point. `weight` > 0: 1 / variance of y, up to a factor that all samples share. Of times whose
/// error is a share of them it is 1 / y^2.
struct LineSample {
  double x = 0;
  double y = 0;
  double weight = 1;
};

struct LineFit {
  double intercept = 0;
  double slope = 0;

  [[nodiscard]] double at(double x) const { return intercept + slope * x; }
};

/// Of an even number of values the mean of the two in the middle. Requires one.
[[nodiscard]] double median(std::vector<double> values);

struct WeightedValue {
  double value = 0;
  double weight = 1;  ///< above zero
};

/// Half of the weight lies on either side: where the sum of weights, in ascending order, first passes one
/// half; where it meets it, the mean of this and the next value. Of equal weights: the median. Requires one.
[[nodiscard]] double weighted_median(std::vector<WeightedValue> values);

/// Theil-Sen (Theil 1950; Sen 1968): the median of the slopes between each two samples; then that of what the
/// slope leaves of each y. Weights as for a location whose samples differ in scale, 1 / standard deviation,
/// which is what minimises the sum of |error| / standard deviation; of a slope that is
/// |dx| / sqrt(1 / w_i + 1 / w_j). Requires samples at two different x. O(n^2) time and memory.
[[nodiscard]] LineFit fit_line(std::span<const LineSample> samples);

/// The line through the origin: the median of y / x, weighted in the same way, by |x| sqrt(w). Requires a
/// sample at x other than 0.
[[nodiscard]] LineFit fit_line_from_origin(std::span<const LineSample> samples);

}  // namespace ppsim
