#include "core/edit_distance.hpp"

#include <doctest/doctest.h>

namespace ppsim::edit_distance_test {

TEST_CASE("names are as far apart as letters have to change") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("gpipe", "gpipe") == 0);
  CHECK(edit_distance("", "zbv") == 3);
  CHECK(edit_distance("cots", "costs") == 1);      // a letter more
  CHECK(edit_distance("hiddden", "hidden") == 1);  // a letter less
  CHECK(edit_distance("fare", "fair") == 2);       // two others: "r" and "e" for "i" and "r"
  CHECK(edit_distance("kitten", "sitting") == 3);  // the example of textbooks
  CHECK(edit_distance("sitting", "kitten") == 3);
}

}  // namespace ppsim::edit_distance_test
