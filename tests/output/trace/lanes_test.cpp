#include "output/trace/lanes.hpp"

#include <doctest/doctest.h>

#include <rapidcheck.h>

#include <algorithm>
#include <vector>

namespace ppsim::test::lanes_test {

TEST_CASE("what touches shares a lane; what overlaps takes the lowest free one") {
  const auto lanes = assign_lanes(std::vector<Interval>{{Time(0), Time(10)},
                                                        {Time(5), Time(7)},
                                                        {Time(6), Time(20)},
                                                        {Time(7), Time(9)},
                                                        {Time(10), Time(11)}});
  CHECK(lanes == std::vector<std::uint32_t>{0, 1, 2, 1, 0});
}

// An interval graph needs as many colours as intervals that share an instant, and first-fit by start finds
// them.
TEST_CASE("intervals of one lane are disjoint, and no more lanes are used than overlap at once") {
  CHECK(rc::check([] {
    std::vector<Interval> intervals;
    for (const auto& [start, length] :
         *rc::gen::arbitrary<std::vector<std::pair<std::uint8_t, std::uint8_t>>>()) {
      intervals.push_back({Time(start), Time(start + 1 + length % 32)});
    }
    std::sort(intervals.begin(), intervals.end(), [](Interval a, Interval b) { return a.start < b.start; });
    const auto lanes = assign_lanes(intervals);
    std::size_t most = 0;
    for (std::size_t i = 0; i < intervals.size(); ++i) {
      std::size_t overlap = 0;
      for (std::size_t j = 0; j <= i; ++j) {
        if (intervals[j].finish <= intervals[i].start) continue;
        ++overlap;
        RC_ASSERT(i == j || lanes[i] != lanes[j]);
      }
      most = std::max(most, overlap);
    }
    for (const std::uint32_t lane : lanes) RC_ASSERT(lane < most);
  }));
}

}  // namespace ppsim::test::lanes_test
