#include "metrics/message_fit.hpp"

#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "ppsim/core/error.hpp"

namespace ppsim::test::message_fit_test {
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

TEST_CASE("one size is no link") {
  CHECK_THROWS_AS((void)fit_messages({}), Error);
  CHECK_THROWS_AS((void)fit_messages(std::vector<SizeTime>{{Bytes(8), Time(5)}, {Bytes(8), Time(9)}}), Error);
}

// The median of bytes / time weighs by itself, so 9,000 B have more than half: 500 ns of them. Then 8 B would
// take no time, which counts as 1 ns.
TEST_CASE("times that do not grow are a bandwidth without latency, and errors that say so") {
  const MessageFit fit = fit_messages(std::vector<SizeTime>{{Bytes(8), Time(500)}, {Bytes(9000), Time(500)}});
  CHECK(fit.link.latency == Time(0));
  CHECK(fit.link.bandwidth == BytesPerSecond(18'000'000'000));
  CHECK(fit.largest_error() == doctest::Approx(1 - 1.0 / 500));
}

// About 2 ns a byte, from -1000 ns on. The median of (time - 80) / bytes with weights bytes / time: 0.92 with
// 1, 1.82 with 0.547, 1.98 with 0.505.
TEST_CASE("no message takes less than one without bytes") {
  const MessageFit fit = fit_messages(
      std::vector<SizeTime>{
          {Bytes(1000), Time(1000)}, {Bytes(10'000), Time(18'280)}, {Bytes(40'000), Time(79'280)}},
      Time(80));
  CHECK(fit.link.latency == Time(80));
  CHECK(fit.link.bandwidth == BytesPerSecond(549'450'549));  // 1.82 ns a byte
  const MessageFit flat =
      fit_messages(std::vector<SizeTime>{{Bytes(8), Time(500)}, {Bytes(9000), Time(500)}}, Time(500));
  CHECK(flat.link.latency == Time(500));
  CHECK(flat.largest_error() < 0.05);
}

}  // namespace
}  // namespace ppsim::test::message_fit_test
