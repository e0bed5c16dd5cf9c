#include "metrics/measured_cluster.hpp"

#include <doctest/doctest.h>

namespace ppsim::test::measured_cluster_test {
namespace {

LinkTimes times_of(const Link& alone, const Link& both, const Link& all) {
  LinkTimes times;
  for (const std::int64_t size : {1'000, 10'000, 100'000, 1'000'000}) {
    times.alone.push_back({Bytes(size), message_time(alone, Bytes(size))});
    times.both_ways.push_back({Bytes(size), message_time(both, Bytes(size))});
    times.all_pairs.push_back({Bytes(size), message_time(all, Bytes(size))});
  }
  return times;
}

TEST_CASE(
    "a class of links has a fit alone, one with both directions busy, and how much all pairs slow it down") {
  const Link alone{BytesPerSecond(2'000'000), Time(7000)}, both{BytesPerSecond(1'000'000), Time(7000)};
  const MeasuredLink link = fit_measured_link(times_of(alone, both, {BytesPerSecond(250'000), Time(7000)}));
  CHECK(link.alone.link.bandwidth == alone.bandwidth);
  CHECK(link.both_ways.link.bandwidth == both.bandwidth);
  CHECK(link.both_ways.link.latency == both.latency);
  // The largest: 4.000009 s against 1.000009 s.
  CHECK(link.slowdown == doctest::Approx(4.0).epsilon(0.001));
}

TEST_CASE("without other pairs nothing slows a link down, and faster than alone is not slower") {
  LinkTimes times = times_of({BytesPerSecond(1'000'000), Time(0)}, {BytesPerSecond(1'000'000), Time(0)},
                             {BytesPerSecond(2'000'000), Time(0)});
  CHECK(fit_measured_link(times).slowdown == 1);
  times.all_pairs.clear();
  CHECK(fit_measured_link(times).slowdown == 1);
}

TEST_CASE("as many GPUs share a NIC as all of them at once are slower than one") {
  CHECK(count_nics(8, 1.0) == 8);
  CHECK(count_nics(8, 1.4) == 8);  // nearer to 1 than to 2: 1.4 < sqrt(2)
  CHECK(count_nics(8, 1.5) == 4);
  CHECK(count_nics(8, 2.05) == 4);
  CHECK(count_nics(8, 7.7) == 1);
  CHECK(count_nics(2, 1.96) == 1);
  CHECK(count_nics(8, 100) == 1);
  CHECK(count_nics(1, 1.3) == 1);
}

// 1e9 FLOPs in 1, 2 and 4 s: the median is 0.5 GFLOP/s. 4e9 FLOPs in 4 s are 1 GFLOP/s, the peak.
TEST_CASE("the best rate is the peak, and the others a share of it") {
  const MeasuredRate rate = measured_rate({{Flops(1e9), Time(1'000'000'000)},
                                           {Flops(4e9), Time(4'000'000'000)},
                                           {Flops(1e9), Time(2'000'000'000)},
                                           {Flops(1e9), Time(4'000'000'000)}});
  CHECK(rate.peak.count() == doctest::Approx(1e9));
  REQUIRE(rate.efficiency.points.size() == 2);
  CHECK(rate.efficiency.points[0].second == doctest::Approx(0.5));
  CHECK(rate.efficiency.points[1].second == 1);
  CHECK(rate.efficiency.at(Flops(2e9)) == doctest::Approx(0.75));
}

}  // namespace
}  // namespace ppsim::test::measured_cluster_test
