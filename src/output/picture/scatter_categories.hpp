// The points of a scatter plot by category.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "output/picture/scatter_svg.hpp"

namespace ppsim {

enum class PointShape : unsigned char { Circle, Square, Triangle, Diamond, Cross };

/// What a line of the legend stands for.
struct ScatterCategory {
  std::string name;
  std::string_view color;
  PointShape shape = PointShape::Circle;
  std::vector<const ScatterPoint*> points;  ///< at least one, that can be drawn
};

/// predicted / measured - 1
[[nodiscard]] inline double error_of(const ScatterPoint& point) {
  return point.predicted / point.measured - 1;
}

/// Twelve at most in the order in which they first come, then "other" for the rest, a cross in grey. Four
/// shapes and six colours: no two have both in common.
[[nodiscard]] std::vector<ScatterCategory> categories_of(const Scatter& scatter);

}  // namespace ppsim
