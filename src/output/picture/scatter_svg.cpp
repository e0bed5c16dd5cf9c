#include "output/picture/scatter_svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "output/labels.hpp"
#include "output/picture/log_axis.hpp"
#include "output/picture/scatter_categories.hpp"
#include "output/picture/svg_text.hpp"

namespace ppsim {
namespace {

// Pixels.
constexpr double kSide = 560;  // of the square
constexpr double kLeft = 88;
constexpr double kTop = 78;
constexpr double kBelow = 64;
constexpr double kScatterMargin = 24;
constexpr double kScatterLegendLine = 22;
constexpr double kTextSize = 12;
constexpr double kTitleSize = 19;
constexpr std::size_t kMostName = 40;  // characters

// Presentation attributes are what is light; readers who prefer dark override them, and programs that know no
// style sheets show a light picture.
constexpr std::string_view kStyle =
    "<style>@media (prefers-color-scheme: dark) {\n"
    ".page { fill: #14181d } .ink { fill: #e4e7eb } .faint { fill: #9aa5b1 }\n"
    ".grid { stroke: #2b323a } .frame { stroke: #616e7c } .line { stroke: #cbd2d9 }\n"
    ".points { stroke: #14181d; fill-opacity: 1 }\n"
    "}</style>\n";

std::string clipped(const std::string& text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t end = most - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not within a character
  return text.substr(0, end) + "...";
}

/// Up to, but for the end of, an element; all shapes cover about the same area.
std::string shape_at(PointShape shape, double x, double y, double r) {
  switch (shape) {
    case PointShape::Circle:
      return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\"", x, y, r);
    case PointShape::Square:
      return fmt::format("<path d=\"M{0:.1f} {1:.1f}h{2:.1f}v{2:.1f}h-{2:.1f}z\"", x - 0.9 * r, y - 0.9 * r,
                         1.8 * r);
    case PointShape::Triangle:
      return fmt::format("<path d=\"M{:.1f} {:.1f}l{:.1f} {:.1f}h-{:.1f}z\"", x, y - 1.3 * r, 1.25 * r,
                         2.1 * r, 2.5 * r);
    case PointShape::Diamond:
      return fmt::format("<path d=\"M{0:.1f} {1:.1f}l{2:.1f} {2:.1f}l-{2:.1f} {2:.1f}l-{2:.1f} -{2:.1f}z\"",
                         x, y - 1.3 * r, 1.3 * r);
    case PointShape::Cross:
      break;
  }
  return fmt::format("<path d=\"M{0:.1f} {1:.1f}l{2:.1f} {2:.1f}m0 -{2:.1f}l-{2:.1f} {2:.1f}\"", x - 0.8 * r,
                     y - 0.8 * r, 1.6 * r);
}

std::string group_of(const ScatterCategory& category) {
  // A cross has lines alone, which a rim would hide.
  if (category.shape == PointShape::Cross)
    return fmt::format("<g fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\">\n", category.color);
  return fmt::format(
      "<g class=\"points\" fill=\"{}\" fill-opacity=\"0.8\" stroke=\"#fff\" stroke-width=\"0.6\">\n",
      category.color);
}

/// Of both axes.
struct LogRange {
  double least = 1;
  double most = 10;

  void widen(double value) {
    least = std::min(least, value);
    most = std::max(most, value);
  }
  /// 0 .. 1
  double share(double value) const { return std::log(value / least) / std::log(most / least); }
};

/// 4 % free on both sides, and where all points are about the same 10 %.
LogRange range_of(const std::vector<ScatterCategory>& categories) {
  if (categories.empty()) return {};
  const double any = categories.front().points.front()->measured;
  LogRange range{any, any};
  for (const ScatterCategory& category : categories) {
    for (const ScatterPoint* point : category.points) {
      range.widen(point->measured);
      range.widen(point->predicted);
    }
  }
  const double margin = std::max(std::pow(range.most / range.least, 0.04), 1.1);
  return {range.least / margin, range.most * margin};
}

double radius_for(std::size_t points) {
  if (points <= 200) return 4.5;
  return points <= 1000 ? 3.5 : 2.5;
}

class ScatterPicture {
 public:
  explicit ScatterPicture(const Scatter& scatter)
      : scatter_(scatter), categories_(categories_of(scatter)), range_(range_of(categories_)) {
    for (const ScatterCategory& category : categories_) {
      drawn_ += category.points.size();
      for (const ScatterPoint* point : category.points) error_sum_ += std::abs(error_of(*point));
      longest_ = std::max(longest_, legend_text(category).size());
    }
  }

  std::string draw() const {
    const double width = std::max(legend_x() + 22 + text_width(longest_, kTextSize),
                                  kScatterMargin + text_width(scatter_.title.size(), kTitleSize)) +
                         kScatterMargin;
    const double lines = static_cast<double>(categories_.size() + 4);
    const double height = std::max(kTop + kSide + kBelow, kTop + lines * kScatterLegendLine + kScatterMargin);
    return fmt::format(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
               "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"Helvetica, Arial, sans-serif\" "
               "font-size=\"{2}\">\n"
               "<title>{3}</title>\n{4}<rect class=\"page\" width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
               width, height, kTextSize, escape_xml(scatter_.title), kStyle) +
           title() + axes() + lines_of_equal_error() + points() + legend() + "</svg>\n";
  }

 private:
  double x(double value) const { return kLeft + kSide * range_.share(value); }
  double y(double value) const { return kTop + kSide * (1 - range_.share(value)); }
  double legend_x() const { return kLeft + kSide + 28; }

  std::string mean_error() const {
    return drawn_ == 0 ? "" : percent(error_sum_ / static_cast<double>(drawn_));
  }

  std::string title() const {
    const std::string figures =
        drawn_ == 0 ? "no points"
                    : fmt::format("{}, mean absolute error {}", counted(drawn_, "point"), mean_error());
    return fmt::format(
        "<text class=\"ink\" x=\"{0}\" y=\"36\" font-size=\"{1}\" font-weight=\"bold\" "
        "fill=\"#1f2933\">{2}</text>\n"
        "<text class=\"faint\" x=\"{0}\" y=\"58\" font-size=\"13\" fill=\"#52606d\">{3}</text>\n",
        kScatterMargin, kTitleSize, escape_xml(scatter_.title), figures);
  }

  std::string axes() const {
    std::string grid, labels;
    for (const LogTick& tick : log_ticks(range_.least, range_.most)) {
      grid +=
          fmt::format("M{:.1f} {:.1f}v{}M{} {:.1f}h{}", x(tick.at), kTop, kSide, kLeft, y(tick.at), kSide);
      labels += fmt::format(
          "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n"
          "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
          x(tick.at), kTop + kSide + 18, tick.label, kLeft - 8, y(tick.at) + 4, tick.label);
    }
    return fmt::format(
               "<path class=\"grid\" d=\"{}\" stroke=\"#e4e7eb\"/>\n"
               "<rect class=\"frame\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" "
               "stroke=\"#9aa5b1\"/>\n<g class=\"faint\" fill=\"#52606d\">\n{}</g>\n",
               grid, kLeft, kTop, kSide, kSide, labels) +
           axis_names();
  }

  std::string axis_names() const {
    const std::string unit = scatter_.unit.empty() ? "" : " (" + escape_xml(scatter_.unit) + ")";
    const double middle = kTop + kSide / 2;
    return fmt::format(
        "<g class=\"ink\" fill=\"#1f2933\" font-size=\"14\" text-anchor=\"middle\">\n"
        "<text x=\"{:.1f}\" y=\"{:.1f}\">measured{}</text>\n"
        "<text transform=\"translate({} {:.1f}) rotate(-90)\">predicted{}</text>\n</g>\n",
        kLeft + kSide / 2, kTop + kSide + 46, unit, kScatterMargin + 4, middle, unit);
  }

  /// predicted = factor x measured, from edge to edge.
  std::string line(double factor) const {
    const double from = std::max(range_.least, range_.least / factor);
    const double to = std::min(range_.most, range_.most / factor);
    return from < to
               ? fmt::format("M{:.1f} {:.1f}L{:.1f} {:.1f}", x(from), y(factor * from), x(to), y(factor * to))
               : "";
  }

  std::string lines_of_equal_error() const {
    return fmt::format(
        "<g class=\"line\" fill=\"none\" stroke=\"#3e4c59\">\n<path d=\"{}\"/>\n"
        "<path d=\"{}{}\" stroke-dasharray=\"5 4\" stroke-opacity=\"0.7\"/>\n</g>\n",
        line(1), line(1.1), line(0.9));
  }

  /// The many first, so that they do not hide the few.
  std::string points() const {
    std::vector<const ScatterCategory*> order;
    for (const ScatterCategory& category : categories_) order.push_back(&category);
    std::stable_sort(order.begin(), order.end(), [](const ScatterCategory* a, const ScatterCategory* b) {
      return a->points.size() > b->points.size();
    });
    std::string text;
    for (const ScatterCategory* category : order) {
      text += group_of(*category);
      for (const ScatterPoint* point : category->points) text += marker(*category, *point);
      text += "</g>\n";
    }
    return text;
  }

  std::string marker(const ScatterCategory& category, const ScatterPoint& point) const {
    const std::string unit = scatter_.unit.empty() ? "" : " " + escape_xml(scatter_.unit);
    const std::string_view name = category.shape == PointShape::Cross ? point.category : category.name;
    return fmt::format("{}><title>{}{}{}\nmeasured {:.5g}{}, predicted {:.5g}{} ({:+.1f} %)</title></{}>\n",
                       shape_at(category.shape, x(point.measured), y(point.predicted), radius_for(drawn_)),
                       escape_xml(point.label), point.label.empty() || name.empty() ? "" : "\n",
                       escape_xml(name), point.measured, unit, point.predicted, unit, 100 * error_of(point),
                       category.shape == PointShape::Circle ? "circle" : "path");
  }

  static std::string legend_text(const ScatterCategory& category) {
    double sum = 0;
    for (const ScatterPoint* point : category.points) sum += std::abs(error_of(*point));
    const std::string name = category.name.empty() ? "points" : clipped(category.name, kMostName);
    return fmt::format("{}: {}, {}", name, category.points.size(),
                       percent(sum / static_cast<double>(category.points.size())));
  }

  std::string legend() const {
    double y = kTop + 8;
    std::string text = fmt::format(
        "<text class=\"faint\" x=\"{:.1f}\" y=\"{:.1f}\" fill=\"#52606d\">points, mean absolute "
        "error</text>\n"
        "<g class=\"ink\" fill=\"#1f2933\">\n",
        legend_x() + 18, y + 4);
    y += kScatterLegendLine;
    const auto add = [&](const std::string& sample, const std::string& what) {
      text += sample + fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", legend_x() + 18, y + 4,
                                   escape_xml(what));
      y += kScatterLegendLine;
    };
    for (const ScatterCategory& category : categories_) {
      add(group_of(category) + shape_at(category.shape, legend_x() + 4, y, 5) + "/>\n</g>\n",
          legend_text(category));
    }
    add(legend_line(y, ""), "predicted = measured");
    add(legend_line(y, " stroke-dasharray=\"5 4\" stroke-opacity=\"0.7\""), "10 % more or less");
    const std::size_t left_out = scatter_.points.size() - drawn_;
    if (left_out > 0) add("", counted(left_out, "point") + " left out: not above 0");
    return text + "</g>\n";
  }

  std::string legend_line(double y, std::string_view dashes) const {
    return fmt::format("<path class=\"line\" d=\"M{:.1f} {:.1f}h18\" fill=\"none\" stroke=\"#3e4c59\"{}/>\n",
                       legend_x() - 5, y, dashes);
  }

  const Scatter& scatter_;
  std::vector<ScatterCategory> categories_;
  LogRange range_;
  std::size_t drawn_ = 0;
  std::size_t longest_ = std::string_view("12 points left out: not above 0").size();
  double error_sum_ = 0;
};

}  // namespace

std::string scatter_svg(const Scatter& scatter) {
  return ScatterPicture(scatter).draw();
}

}  // namespace ppsim
