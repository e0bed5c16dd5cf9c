// Arithmetic over cells: expectations are C++'s own.
#include "text/expression.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "input/scratch.hpp"

namespace ppsim::expression_test {
namespace {

using test::error_of;

double value(std::string_view text, const std::map<std::string, double>& cells = {}) {
  return Expression(text, "s.json#/computed/x").value([&](const std::string& column) {
    return cells.at(column);
  });
}

TEST_CASE("products bind more tightly than sums, both from left to right, parentheses first") {
  CHECK(value("2 + 3 * 4") == 2 + 3 * 4);
  CHECK(value("20 - 3 - 4") == 20 - 3 - 4);
  CHECK(value("24 / 3 / 4 * 5") == 10);
  CHECK(value("(2 + 3) * (4 - 1)") == 15);
  CHECK(value("1.5e2/3") == 50);
  CHECK(value("-3 + 5") == 2);
}

TEST_CASE("ceil, floor, min and max are what they are called, inside one another too") {
  CHECK(value("ceil(7 / 2)") == 4);
  CHECK(value("floor(7 / 2)") == 3);
  CHECK(value("min(3, 2 + 2)") == 3);
  CHECK(value("max(3, ceil(3.5))") == 4);
}

TEST_CASE("a column in brackets is its cell, whatever its name") {
  const std::map<std::string, double> row = {{"global batch", 512}, {"# layers (all)", 8}, {"dp", 4}};
  CHECK(value("[global batch] / ([# layers (all)] * [dp])", row) == 16);
  // A vocabulary padded to a multiple of 128 a tensor-parallel GPU: ceil(50257 / 1024) * 1024.
  CHECK(value("ceil([vocab] / (128 * [tp])) * 128 * [tp]", {{"vocab", 50257}, {"tp", 8}}) == 51200);
}

TEST_CASE("the columns of an expression are listed once each, in the order in which they come") {
  CHECK(Expression("[b] * [a] + [b]", "x").columns() == std::vector<std::string>{"b", "a"});
  CHECK(Expression("3", "x").columns().empty());
}

TEST_CASE("a division by zero is no number, which the caller sees") {
  CHECK_FALSE(std::isfinite(value("1 / 0")));
  CHECK_FALSE(std::isfinite(value("0 / 0")));
}

TEST_CASE("what is no expression is refused with the place and what was expected") {
  CHECK(error_of([] { return value("[dp] * pow(2)"); }) ==
        "s.json#/computed/x: \"[dp] * pow(2)\" at \"pow(2)\": expected numbers, columns in [brackets], + - * "
        "/, parentheses, ceil(), floor(), min(a, b), max(a, b)");
  for (const char* text : {"", "1 +", "(1", "1)", "[dp", "[]]", "1 2", "ceil 2", "min(1)", "max(1, 2, 3)",
                           "ceil(1, 2)", "* 3", "1 ** 2", "x"}) {
    CAPTURE(text);
    CHECK(error_of([text] { return Expression(text, "here"); }).starts_with("here: "));
  }
}

TEST_CASE("an expression that is nested without end is refused, and a deep one is not") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '(') + "1" + std::string(depth, ')');
  };
  CHECK(value(nested(50)) == 1);
  CHECK(error_of([&] { return value(nested(100'000)); }).starts_with("s.json#/computed/x: "));
}

}  // namespace
}  // namespace ppsim::expression_test
