// Predicted against measured, as a picture; and its axes.
#include "output/picture/scatter_svg.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <iterator>
#include <limits>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "output/picture/log_axis.hpp"

namespace ppsim::test::scatter_svg_test {
namespace {

std::vector<std::string> tick_labels(double least, double most) {
  std::vector<std::string> labels;
  for (const LogTick& tick : log_ticks(least, most)) labels.push_back(tick.label);
  return labels;
}

std::size_t matches(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  return static_cast<std::size_t>(
      std::distance(std::sregex_iterator(text.begin(), text.end(), regex), std::sregex_iterator()));
}

struct Marker {
  double x = 0;
  double y = 0;
};

// Circles with a tooltip: those of the legend have none.
std::vector<Marker> circles(const std::string& svg) {
  const std::regex regex("<circle cx=\"([0-9.]+)\" cy=\"([0-9.]+)\" r=\"[0-9.]+\"><title>");
  std::vector<Marker> found;
  for (std::sregex_iterator at(svg.begin(), svg.end(), regex), end; at != end; ++at)
    found.push_back({std::stod((*at)[1]), std::stod((*at)[2])});
  return found;
}

Scatter with_categories(std::size_t count) {
  Scatter scatter{"many", {}, "s"};
  for (std::size_t i = 0; i < count; ++i) {
    // The first three have one point each, the others two.
    for (std::size_t k = 0; k < (i < 3 ? 1U : 2U); ++k)
      scatter.points.push_back({1.0 + static_cast<double>(i), 2, "c" + std::to_string(i), ""});
  }
  return scatter;
}

}  // namespace

TEST_CASE("A logarithmic axis has ticks at 1, 2 and 5, over many decades at powers of ten") {
  using Labels = std::vector<std::string>;
  CHECK(tick_labels(0.04, 3) == Labels{"0.05", "0.1", "0.2", "0.5", "1", "2"});
  CHECK(tick_labels(1, 10) == Labels{"1", "2", "5", "10"});
  CHECK(tick_labels(0.5, 2e6) == Labels{"1", "10", "100", "1000", "10000", "100000", "1000000"});
  CHECK(tick_labels(1e-6, 1e12) ==
        Labels{"1e-6", "0.0001", "0.01", "1", "100", "10000", "1000000", "1e8", "1e10", "1e12"});
}

TEST_CASE("A short logarithmic axis has round ticks equally far apart") {
  using Labels = std::vector<std::string>;
  CHECK(tick_labels(90, 141) == Labels{"90", "100", "110", "120", "130", "140"});
  CHECK(tick_labels(1.0, 1.01) == Labels{"1", "1.002", "1.004", "1.006", "1.008", "1.01"});
}

TEST_CASE("An axis of any length has a few ticks, ascending and within it") {
  for (const double least : {1e-300, 3e-7, 0.7, 12.0, 9.9e8}) {
    for (const double factor : {1.0001, 1.21, 4.9, 5.1, 999.0, 1e4, 1e9, 1e30, 1e200}) {
      const double most = least * factor;
      CAPTURE(least);
      CAPTURE(factor);
      const std::vector<LogTick> ticks = log_ticks(least, most);
      CHECK((ticks.size() >= 2 && ticks.size() <= 13));
      for (std::size_t i = 0; i < ticks.size(); ++i) {
        CHECK((ticks[i].at >= least * (1 - 1e-8) && ticks[i].at <= most * (1 + 1e-8)));
        if (i > 0) CHECK(ticks[i - 1].at < ticks[i].at);
      }
    }
  }
}

TEST_CASE("A point that is predicted right lies on the diagonal, one predicted too high above it") {
  const auto at =
      circles(scatter_svg({"t", {{1, 1, "a", ""}, {100, 100, "a", ""}, {10, 20, "a", ""}}, "ms"}));
  REQUIRE(at.size() == 3);
  // The square: 88 .. 648 to the right, 78 .. 638 down.
  for (int i = 0; i < 2; ++i) CHECK(at[i].x - 88 == doctest::Approx(638 - at[i].y).epsilon(0.001));
  // Half of the way by logarithm; log10(2) / 2 of the distance between the first two above the diagonal.
  CHECK(at[2].x == doctest::Approx((at[0].x + at[1].x) / 2).epsilon(0.001));
  const double above = 638 - at[2].y - (at[2].x - 88);
  CHECK(above == doctest::Approx(std::log10(2.0) / 2 * (at[1].x - at[0].x)).epsilon(0.001));
}

TEST_CASE("The legend says how many points a category has, and how far off they are") {
  const std::string svg =
      scatter_svg({"t", {{100, 110, "A100", ""}, {100, 70, "A100", ""}, {5, 5, "H100", ""}}, "ms"});
  CHECK(matches(svg, ">A100: 2, 20.0 %<") == 1);
  CHECK(matches(svg, ">H100: 1, 0.0 %<") == 1);
  CHECK(matches(svg, ">3 points, mean absolute error 13.3 %<") == 1);
  CHECK(matches(svg, ">measured \\(ms\\)<") == 1);
  CHECK(matches(svg, ">predicted \\(ms\\)<") == 1);
}

TEST_CASE("A point says what it is, with what XML takes for its own written so that it reads it") {
  const std::string svg = scatter_svg({"a < b & \"c\"", {{8, 10, "x<y", "row 7 & 8"}}, "ms"});
  CHECK(matches(svg,
                "<title>row 7 &amp; 8\nx&lt;y\nmeasured 8 ms, predicted 10 ms \\(\\+25.0 %\\)</title>") == 1);
  CHECK(matches(svg, "<title>a &lt; b &amp; &quot;c&quot;</title>") == 1);
}

TEST_CASE("Twelve categories each have a look of their own, of more the smallest are other") {
  const std::string twelve = scatter_svg(with_categories(12));
  CHECK(matches(twelve, ">other: ") == 0);
  // Colour and first word of the shape: circle, or how a path goes on behind its first point.
  const std::regex look(
      "<g class=\"points\" fill=\"(#[0-9a-f]+)\"[^>]*>\n<(?:circle|path d=\"M[0-9.]+ [0-9.]+([a-z][0-9.]+ "
      "?[0-9.]*))[^>]*/>");
  std::set<std::string> looks;
  for (std::sregex_iterator at(twelve.begin(), twelve.end(), look), end; at != end; ++at)
    looks.insert((*at)[1].str() + (*at)[2].str());
  CHECK(looks.size() == 12);
  // Of 14, two of the three with a single point: the last of them.
  const std::string more = scatter_svg(with_categories(14));
  CHECK(matches(more, ">c0: 1, ") == 1);
  CHECK(matches(more, ">c1: ") == 0);
  CHECK(matches(more, ">c2: ") == 0);
  CHECK(matches(more, ">other: 2, ") == 1);
}

TEST_CASE("Points that no logarithm has are left out and counted") {
  const double nan = std::numeric_limits<double>::quiet_NaN(),
               infinity = std::numeric_limits<double>::infinity();
  const std::string svg = scatter_svg(
      {"t",
       {{1, 2, "a", ""}, {0, 1, "a", ""}, {1, -1, "b", ""}, {nan, 1, "b", ""}, {1, infinity, "c", ""}},
       ""});
  CHECK(circles(svg).size() == 1);
  CHECK(matches(svg, ">4 points left out: not above 0<") == 1);
  CHECK(matches(svg, "nan|inf") == 0);
  CHECK(matches(scatter_svg({"nothing", {}, "ms"}), ">no points<") == 1);
}

TEST_CASE("A picture is one element, with colours for dark pages, that needs nothing from elsewhere") {
  const std::string svg = scatter_svg(with_categories(5));
  CHECK(svg.substr(0, 5) == "<svg ");
  CHECK(svg.substr(svg.size() - 7) == "</svg>\n");
  CHECK(matches(svg, "prefers-color-scheme: dark") == 1);
  CHECK(matches(svg, "href|url\\(|@import|http") == 1);  // the name space
  CHECK(matches(svg, "<(g|svg|text|title|style)[ >]") == matches(svg, "</(g|svg|text|title|style)>"));
}

}  // namespace ppsim::test::scatter_svg_test
