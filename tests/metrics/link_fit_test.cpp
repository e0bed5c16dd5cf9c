#include "metrics/link_fit.hpp"

#include <doctest/doctest.h>

namespace ppsim::link_fit_test {
namespace {

using doctest::Approx;

// By the config 1 GB/s, a byte a nanosecond, and 100 ns.
const Link kBefore{BytesPerSecond(1'000'000'000), Time(100)};

TransferSample sample(std::int64_t bytes, std::int64_t measured, bool honest = true,
                      std::int64_t beyond = 0) {
  return {false, Bytes(bytes), Time(bytes), Time(100 + beyond), Time(measured + beyond), true, honest};
}

TEST_CASE("latency and bandwidth are those that the transfers had") {
  // 400 ns + 2 ns a byte: half the bandwidth, four times the latency. Those beyond a spine take 1 us more.
  std::vector<TransferSample> samples;
  for (const std::int64_t bytes : {1'000, 5'000, 20'000})
    for (int i = 0; i < 5; ++i) samples.push_back(sample(bytes, 400 + 2 * bytes, true, i == 0 ? 1'000 : 0));
  samples.push_back(sample(5'000, 90'000, /*honest=*/false));
  const LinkFit fit = fit_link(samples, kBefore);
  CHECK(fit.determined == LinkDetermined::Both);
  CHECK(fit.link.latency == Time(400));
  CHECK(fit.link.bandwidth == BytesPerSecond(500'000'000));
  CHECK(*fit.link.measured == SizeRange{Bytes(1'000), Bytes(20'000)});
  CHECK(fit.transfers == 16);
  CHECK(fit.samples == 15);
  REQUIRE(fit.sizes.size() == 3);
  CHECK(fit.sizes[1].measured == Time(10'400));
  CHECK(fit.sizes[1].fitted == Time(10'400));
  CHECK(fit.residual_p95 == Approx(0));
  CHECK(fit.factors.size() == 15);  // of each size bytes take at least as long as the latency
}

TEST_CASE("transfers of one size leave the latency as it was") {
  const LinkFit fit = fit_link(std::vector<TransferSample>(5, sample(1'000, 4'100)), kBefore);
  CHECK(fit.determined == LinkDetermined::Bandwidth);
  CHECK(fit.link.latency == Time(100));
  CHECK(fit.link.bandwidth == BytesPerSecond(250'000'000));
}

TEST_CASE("where that is longer than they take it is none") {
  const LinkFit fit = fit_link(std::vector<TransferSample>(5, sample(1'000, 50)), kBefore);
  CHECK(fit.link.latency == Time(0));
  CHECK(fit.link.bandwidth == BytesPerSecond(20'000'000'000));
}

TEST_CASE("times that do not grow with size say nothing of the bandwidth") {
  std::vector<TransferSample> samples(5, sample(100, 9'000));
  samples.insert(samples.end(), 5, sample(1'000, 8'000));
  const LinkFit fit = fit_link(samples, kBefore);
  CHECK(fit.determined == LinkDetermined::Latency);
  CHECK(fit.link.bandwidth == kBefore.bandwidth);
  // Of 8900 and 7000 the shorter time weighs more.
  CHECK(fit.link.latency == Time(7'000));
  CHECK(fit.factors.empty());
}

// The bandwidth before, a byte a ns, would take 8000 for what takes 1500. 2000 and 1500 weigh 1/2000 and
// 1/1500: the shorter time is the median. 15 ns for 8000 B are 533 B a ns.
TEST_CASE("flat times shorter than the bandwidth before allows are a latency all the same") {
  std::vector<TransferSample> samples(5, sample(1'000, 2'000));
  samples.insert(samples.end(), 5, sample(8'000, 1'500));
  const LinkFit fit = fit_link(samples, kBefore);
  CHECK(fit.determined == LinkDetermined::Latency);
  CHECK(fit.link.latency == Time(1'500));
  CHECK(fit.link.bandwidth.count() / kBefore.bandwidth.count() == 533);
  CHECK(fit.residual_p95 < 0.34);  // 2000 / 1502 - 1
}

TEST_CASE("a line that begins below zero becomes one through it") {
  // 1.0 and 2.5 ns a byte; the smaller has the larger weight in x / y: 1 against 0.4.
  std::vector<TransferSample> samples(5, sample(1'000, 1'000));
  samples.insert(samples.end(), 5, sample(4'000, 10'000));
  const LinkFit fit = fit_link(samples, kBefore);
  CHECK(fit.determined == LinkDetermined::Bandwidth);
  CHECK(fit.link.latency == Time(0));
  CHECK(fit.link.bandwidth == BytesPerSecond(1'000'000'000));
}

TEST_CASE("a late look at some transfers does not move the median") {
  std::vector<TransferSample> samples;
  for (const std::int64_t bytes : {1'000, 8'000}) {
    for (int i = 0; i < 7; ++i) samples.push_back(sample(bytes, 50 + bytes));
    for (int i = 0; i < 3; ++i) samples.push_back(sample(bytes, 100 * (50 + bytes)));
  }
  const LinkFit fit = fit_link(samples, kBefore);
  CHECK(fit.link.latency == Time(50));
  CHECK(fit.link.bandwidth == kBefore.bandwidth);
}

}  // namespace
}  // namespace ppsim::link_fit_test
