#include "core/numbers.hpp"

#include <doctest/doctest.h>

#include <cstdint>

namespace ppsim::numbers_test {

TEST_CASE("a number is the whole text, or none") {
  CHECK(parse_number<std::uint32_t>("12") == 12);
  CHECK(parse_number<std::int64_t>("-3") == -3);
  CHECK(parse_number<double>("1.5e3") == 1500.0);
  for (const char* text : {"", " 12", "12 ", "+12", "-3", "1.5", "0x1", "twelve"}) {
    CAPTURE(text);
    CHECK(parse_number<std::uint32_t>(text) == std::nullopt);
  }
}

TEST_CASE("a number that its type cannot hold is none") {
  CHECK(parse_number<std::uint8_t>("255") == 255);
  CHECK(parse_number<std::uint8_t>("256") == std::nullopt);
  CHECK(parse_number<std::int8_t>("-129") == std::nullopt);
}

TEST_CASE("a number is taken off the front, and what is none stays") {
  std::string_view text = "12F3";
  CHECK(take_number<std::uint32_t>(text) == 12);
  CHECK(text == "F3");
  CHECK(take_number<std::uint32_t>(text) == std::nullopt);
  CHECK(text == "F3");
}

}  // namespace ppsim::numbers_test
