#include "output/picture/scatter_categories.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "output/picture/palette.hpp"

namespace ppsim {
namespace {

constexpr std::size_t kMostCategories = 12;
constexpr std::size_t kShapes = 4;  // without the cross

bool drawable(const ScatterPoint& point) {
  const auto fits = [](double value) { return value > 0 && std::isfinite(value); };
  return fits(point.measured) && fits(point.predicted);
}

std::vector<ScatterCategory> all_categories(const Scatter& scatter) {
  std::vector<ScatterCategory> categories;
  std::map<std::string_view, std::size_t> index;
  for (const ScatterPoint& point : scatter.points) {
    if (!drawable(point)) continue;
    const auto [at, is_new] = index.emplace(point.category, categories.size());
    if (is_new) categories.push_back({point.category, {}, {}, {}});
    categories[at->second].points.push_back(&point);
  }
  return categories;
}

// Those with the most points; of several with as many those that come first.
std::vector<bool> kept_categories(const std::vector<ScatterCategory>& categories) {
  std::vector<std::size_t> order(categories.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return categories[a].points.size() > categories[b].points.size();
  });
  std::vector<bool> kept(categories.size());
  for (std::size_t i = 0; i < std::min(order.size(), kMostCategories); ++i) kept[order[i]] = true;
  return kept;
}

}  // namespace

std::vector<ScatterCategory> categories_of(const Scatter& scatter) {
  std::vector<ScatterCategory> all = all_categories(scatter), result;
  const std::vector<bool> kept = kept_categories(all);
  ScatterCategory other{"other", kOtherColor, PointShape::Cross, {}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (kept[i]) {
      all[i].color = category_color(result.size());
      all[i].shape = static_cast<PointShape>(result.size() % kShapes);
      result.push_back(std::move(all[i]));
    } else {
      other.points.insert(other.points.end(), all[i].points.begin(), all[i].points.end());
    }
  }
  if (!other.points.empty()) result.push_back(std::move(other));
  return result;
}

}  // namespace ppsim
