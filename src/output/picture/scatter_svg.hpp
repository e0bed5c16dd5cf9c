/// Predicted against measured, as a picture.
#pragma once

#include <string>
#include <vector>

namespace ppsim {

struct ScatterPoint {
  double measured = 0;
  double predicted = 0;
  std::string category;  ///< colour and shape; named in the legend
  std::string label;     ///< shown when the pointer rests on the point
};

struct Scatter {
  std::string title;
  std::vector<ScatterPoint> points;
  std::string unit;  ///< of both: "ms"; empty: a number
};

/// A square with two logarithmic axes of the same range, lines at predicted = measured and 10 % to both
/// sides, a point a sample, and a legend with how many points a category has and how far off they are. The
/// twelve categories with the most points have a colour and shape of their own, in the order in which they
/// first come; the rest is "other". Colours are for a light or a dark page, as the reader's are. Points that
/// are not above 0 and finite are left out, and the legend says how many.
[[nodiscard]] std::string scatter_svg(const Scatter& scatter);

}  // namespace ppsim
