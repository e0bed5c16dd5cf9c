#include "replay/clocks.hpp"

#include <doctest/doctest.h>

#include <rapidcheck.h>

#include <vector>

#include "replay/in_process.hpp"
#include "replay/runs.hpp"

namespace ppsim::test::clocks_test {
namespace {

// A clock that is 1000 ahead: the way there takes 40, the way back 60, so the estimate is 10 off, and says up
// to 50.
TEST_CASE("the shortest of the pings counts, and half of its way is the uncertainty") {
  const std::vector<Ping> pings = {{Time(0), Time(1400), Time(700)},
                                   {Time(1000), Time(2040), Time(1100)},
                                   {Time(2000), Time(3100), Time(2300)}};
  CHECK(estimate_offset(pings) == ClockOffset{Time(2040), Time(990), Time(50)});
}

TEST_CASE("the estimate is off by no more than it says, whatever the ways take") {
  CHECK(rc::check([] {
    const auto up_to = [](std::int64_t most) { return *rc::gen::inRange<std::int64_t>(0, most + 1); };
    const Time ahead(up_to(2'000'000) - 1'000'000);
    std::vector<Ping> pings;
    for (std::int64_t i = 0; i <= up_to(5); ++i) {
      const Time sent(i * 1'000'000), there(up_to(1000)), back(up_to(1000));
      pings.push_back({sent, sent + there + ahead, sent + there + back});
    }
    const ClockOffset estimate = estimate_offset(pings);
    RC_ASSERT(std::chrono::abs(estimate.offset - ahead) <= estimate.uncertainty);
  }));
}

// At its 1000 the clock is 100 ahead, at 3000 it is 300 ahead: at 2000 it says 200 too much.
TEST_CASE("a clock that drifts is corrected along a line") {
  const RankClock clock{{Time(1000), Time(100), Time(1)}, {Time(3000), Time(300), Time(1)}, false};
  CHECK(clock.on_first(Time(1000)) == Time(900));
  CHECK(clock.on_first(Time(2000)) == Time(1800));
  CHECK(clock.on_first(Time(3000)) == Time(2700));
  RankClock same = clock;
  same.is_first_ones = true;
  CHECK(same.on_first(Time(2000)) == Time(2000));
}

TEST_CASE("threads share a clock, and ping-pong finds about that") {
  run_in_process(3, [](Transport& transport) {
    Group group(transport, 20 * kSecond);
    const std::vector<ClockOffset> offsets = estimate_offsets(group);
    const std::vector<bool> same = find_same_clocks(group);
    if (!group.is_first()) {
      PPSIM_ASSERT(offsets.empty() && same.empty(), "rank 0 alone has them");
      return;
    }
    REQUIRE(offsets.size() == 3);
    for (const ClockOffset& offset : offsets) CHECK(std::chrono::abs(offset.offset) <= offset.uncertainty);
    CHECK(same == std::vector<bool>{true, true, true});
  });
}

}  // namespace
}  // namespace ppsim::test::clocks_test
