#include "ppsim/schedule/registry.hpp"

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ppsim;

TEST_CASE("a second registration of a name throws") {
  ScheduleInfo info;
  info.name = "gpipe";
  CHECK_THROWS_AS(Registration{info}, std::logic_error);
  CHECK(find_schedule("gpipe").source.find("Huang") != std::string::npos);
}

TEST_CASE("an unknown name lists the known ones, nearest first") {
  try {
    (void)find_schedule("1f1c", "config.json#/schedule/name");
    FAIL("found");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) ==
          "config.json#/schedule/name: there is no schedule \"1f1c\", expected one of 1f1b, gpipe, naive, "
          "inference, "
          "interleaved");
  }
}

TEST_CASE("options are completed by their defaults and checked by name, type and range") {
  const ScheduleInfo& info = find_schedule("1f1b");
  const OptionValues complete = complete_options(info, {{"slack", std::int64_t{3}}});
  CHECK(std::get<std::int64_t>(complete.at("slack")) == 3);
  CHECK(std::get<std::int64_t>(complete.at("warmup_per_hop")) == 1);
  CHECK(where_of([&] { return complete_options(info, {{"group", std::int64_t{3}}}); }) == "/schedule/group");
  CHECK(where_of([&] { return complete_options(info, {{"slack", std::int64_t{-1}}}); }) == "/schedule/slack");
  CHECK(where_of([&] { return complete_options(info, {{"slack", "two"}}); }) == "/schedule/slack");
  CHECK(where_of([&] {
          return complete_options(find_schedule("gpipe"), {{"backward_order", "up"}}, "--schedules");
        }) == "--schedules/backward_order");
}

TEST_CASE("placements put stages where the papers do") {
  const Placement looped = looped_placement(4, 2);
  CHECK(looped.stages() == 8);
  CHECK(looped.rank_of(Stage{5}) == Rank{1});
  CHECK(looped.stages_of(Rank{1}) == std::vector<Stage>{Stage{1}, Stage{5}});
  CHECK(linear_placement(3).stages_of(Rank{2}) == std::vector<Stage>{Stage{2}});
}
