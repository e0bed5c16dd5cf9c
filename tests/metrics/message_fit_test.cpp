#include "ppsim/metrics/message_fit.hpp"

#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "ppsim/core/error.hpp"

namespace ppsim::test {
namespace {

std::vector<SizeTime> times_of(const Link& link, double error = 0) {
  std::mt19937 random(7);
  std::vector<SizeTime> samples;
  for (std::int64_t size = 1024; size <= 16 << 20; size *= 4) {
    const double share =
        1 + error * (static_cast<double>(random()) / static_cast<double>(std::mt19937::max()) * 2 - 1);
    samples.push_back({Bytes(size), scaled(message_time(link, Bytes(size)), share)});
  }
  return samples;
}

// Times are rounded to a ns, of about 300 ns at the least: 0.2 % in every slope.
TEST_CASE("times of a link give the link") {
  for (const Link& link :
       {Link{BytesPerSecond(125'000'000), Time(20'000)}, Link{BytesPerSecond(50'000'000'000), Time(300)},
        Link{BytesPerSecond(1'000'000), Time(0)}}) {
    const MessageFit fit = fit_messages(times_of(link));
    CHECK(static_cast<double>(fit.link.bandwidth.count()) ==
          doctest::Approx(static_cast<double>(link.bandwidth.count())).epsilon(0.002));
    CHECK(std::chrono::abs(fit.link.latency - link.latency) <= Time(1));
    CHECK(fit.largest_error() < 0.004);
    CHECK(fit.errors.size() == 8);
  }
}

TEST_CASE("errors of 2 % in the times are errors of at most 2 % in what is said of long messages") {
  const Link link{BytesPerSecond(1'000'000'000), Time(10'000)};
  const MessageFit fit = fit_messages(times_of(link, 0.02));
  CHECK(static_cast<double>(message_time(fit.link, Bytes(1 << 24)).count()) ==
        doctest::Approx(static_cast<double>(message_time(link, Bytes(1 << 24)).count())).epsilon(0.02));
  CHECK(fit.largest_error() <= 0.05);
}

TEST_CASE("one size that a protocol makes three times as slow leaves the link where it is, and is seen") {
  const Link link{BytesPerSecond(1'000'000'000), Time(10'000)};
  std::vector<SizeTime> samples = times_of(link);
  samples[3].time = samples[3].time * 3;
  const MessageFit fit = fit_messages(samples);
  CHECK(static_cast<double>(fit.link.bandwidth.count()) == doctest::Approx(1e9).epsilon(0.01));
  CHECK(static_cast<double>(fit.link.latency.count()) == doctest::Approx(10'000).epsilon(0.01));
  CHECK(fit.errors[3] == doctest::Approx(1.0 / 3 - 1).epsilon(0.01));  // -67 %
}

// A burst that a shaper lets through at once: 1 ns a byte, less 500 ns. No latency is below zero.
TEST_CASE("no latency is below zero") {
  const MessageFit fit =
      fit_messages(std::vector<SizeTime>{{Bytes(1000), Time(500)}, {Bytes(2000), Time(1500)}});
  CHECK(fit.link.latency == Time(0));
  // y / x is 0.5 and 0.75, both weigh x / y: 2 and 1.33, so 0.5 it is.
  CHECK(fit.link.bandwidth == BytesPerSecond(2'000'000'000));
}

// Every message waits for another one first: 2 ns a byte, and up to as much again. The latency of 1000 is
// given.
TEST_CASE("a given latency leaves the bandwidth") {
  const MessageFit fit = fit_bandwidth(
      std::vector<SizeTime>{
          {Bytes(10), Time(900)}, {Bytes(1000), Time(3000)}, {Bytes(100'000), Time(201'000)}},
      Time(1000));
  // The first says nothing; the others are 2 ns a byte, both.
  CHECK(fit.link.bandwidth == BytesPerSecond(500'000'000));
  CHECK(fit.link.latency == Time(1000));
  CHECK(fit.errors.size() == 3);
  CHECK(fit.errors[2] == 0);
  CHECK_THROWS_AS((void)fit_bandwidth(std::vector<SizeTime>{{Bytes(10), Time(900)}}, Time(1000)), Error);
}

TEST_CASE("one size, or times that do not grow, are no link") {
  CHECK_THROWS_AS((void)fit_messages({}), Error);
  CHECK_THROWS_AS((void)fit_messages(std::vector<SizeTime>{{Bytes(8), Time(5)}, {Bytes(8), Time(9)}}), Error);
  CHECK_THROWS_AS((void)fit_messages(std::vector<SizeTime>{{Bytes(8), Time(5)}, {Bytes(9000), Time(5)}}),
                  Error);
}

}  // namespace
}  // namespace ppsim::test
