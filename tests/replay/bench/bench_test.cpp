// The plan of measurements, on a backend whose times are known; and real ones of threads.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "replay/bench/link_bench.hpp"
#include "replay/bench/product_bench.hpp"
#include "replay/in_process.hpp"
#include "replay/runs.hpp"

namespace ppsim::test::bench_test {
namespace {

// 2 nodes of 2. A message takes 1000 ns a byte inside a node, 10 times that between, twice that both ways; a
// repeat's number comes on top.
class KnownProbe final : public Probe {
 public:
  explicit KnownProbe(Group& group) : group_(group) {}

  std::vector<Time> bounce(Rank peer, bool begins, Bytes size, std::uint32_t count) override {
    // Who begins has the first word, and only one pair at a time is at it.
    std::byte word{};
    for (std::uint32_t i = 0; i < count; ++i) {
      if (begins) group_.send(peer, std::span(&word, 1));
      group_.receive(peer, std::span(&word, 1));
      if (!begins) group_.send(peer, std::span(&word, 1));
    }
    return times(peer, size, count, 1);
  }
  std::vector<Time> swap(Rank peer, Bytes size, std::uint32_t count) override {
    return times(peer, size, count, group_.transport().rank() < peer ? 1 : 3);  // the mean of both is 2
  }
  Device device() const override { return {"known", Bytes(1'000'000), Dtype::Bf16}; }
  ProductShape largest_product(const ProductShape& shape) const override {
    return {std::min<std::uint64_t>(shape.rows, 8), shape.columns, shape.inner};
  }
  std::vector<Time> multiply(const ProductShape& shape, std::uint32_t count) override {
    return std::vector<Time>(count, Time(static_cast<Time::rep>(shape.rows * 1'000'000 * (own() + 1))));
  }
  std::vector<Time> copy(Bytes, std::uint32_t count) override {
    return std::vector<Time>(count, Time(static_cast<Time::rep>(1'000'000 * (own() + 1))));
  }

 private:
  [[nodiscard]] std::uint32_t own() const { return index(group_.transport().rank()); }
  [[nodiscard]] std::vector<Time> times(Rank peer, Bytes size, std::uint32_t count, int factor) const {
    const Time one(1000 * (own() / 2 == index(peer) / 2 ? 1 : 10) * size.count());
    std::vector<Time> result;
    for (std::uint32_t i = 0; i < count; ++i) result.push_back(one * factor + Time(i));
    return result;
  }

  Group& group_;
};

const NodeMap kTwoByTwo{{"a", "b"}, 2, 2};

template <class Body>
auto on_first(std::uint32_t ranks, Body body) {
  decltype(body(std::declval<Group&>())) result;
  run_in_process(ranks, [&](Transport& transport) {
    Group group(transport, 20 * kSecond);
    auto own = body(group);
    if (group.is_first()) {
      result = std::move(own);
    } else {
      PPSIM_ASSERT(own.empty(), "rank 0 alone has them");
    }
  });
  return result;
}

TEST_CASE(
    "pairs are the first two ranks of each node, first ranks of neighbours, and all ranks of two nodes") {
  using Pairs = std::vector<LinkPair>;
  const NodeMap map{{"a", "b", "c"}, 2, 2};
  CHECK(pairs_of(map, LinkScope::Inside, LinkLoad::Alone) ==
        Pairs{{Rank{0}, Rank{1}}, {Rank{2}, Rank{3}}, {Rank{4}, Rank{5}}});
  CHECK(pairs_of(map, LinkScope::Between, LinkLoad::BothWays) ==
        Pairs{{Rank{0}, Rank{2}}, {Rank{2}, Rank{4}}});
  CHECK(pairs_of(map, LinkScope::Between, LinkLoad::AllPairs) ==
        Pairs{{Rank{0}, Rank{2}}, {Rank{1}, Rank{3}}});
  const NodeMap one_a_node{{"a", "b"}, 1, 1}, one_node{{"a"}, 4, 4};
  CHECK(pairs_of(one_a_node, LinkScope::Inside, LinkLoad::Alone).empty());
  CHECK(pairs_of(one_a_node, LinkScope::Between, LinkLoad::AllPairs).empty());
  CHECK(pairs_of(one_node, LinkScope::Between, LinkLoad::Alone).empty());
}

TEST_CASE("of many nodes 16 pairs are measured, from the first to near the last") {
  NodeMap map{std::vector<std::string>(1000, "n"), 8, 8};
  const auto pairs = pairs_of(map, LinkScope::Inside, LinkLoad::Alone);
  REQUIRE(pairs.size() == 16);
  CHECK(pairs.front().first == Rank{0});
  CHECK(pairs.back().first == Rank{937 * 8});  // 15 x 1000 / 16
}

// Inside and between: Alone of 0 and two sizes, BothWays of two; between AllPairs of two as well.
TEST_CASE("samples are all classes, loads and sizes, each pair's from who begins, both ways their mean") {
  const auto samples = on_first(4, [](Group& group) {
    KnownProbe probe(group);
    return measure_links(kTwoByTwo, group, probe, {{Bytes(0), Bytes(10), Bytes(20)}, Time(11'000'000)});
  });
  REQUIRE(samples.size() == 3 + 2 + 3 + 2 + 2);
  CHECK(samples[0].size == Bytes(0));
  CHECK(samples[2].scope == LinkScope::Inside);
  CHECK(samples[2].pairs.size() == 2);
  CHECK(samples[2].times[1].front() == Time(20'000));
  CHECK(samples[4].load == LinkLoad::BothWays);
  CHECK(samples[4].times[0].front() == Time(40'000));
  CHECK(samples[7].times[0].front() == Time(200'000));
  CHECK(samples[11].load == LinkLoad::AllPairs);
  REQUIRE(samples[11].times.size() == 2);
  CHECK(samples[11].times[1][3] == Time(400'003));
  // 17 rounds share 11 ms: 647 us each, 32 times 20.001 us (the second of two comes 1 ns later); at least 5;
  // of no bytes, which take next to nothing, 1000.
  CHECK(samples[2].times[0].size() == 32);
  CHECK(samples[11].times[0].size() == 5);
  CHECK(samples[0].times[0].size() == 1000);
}

TEST_CASE("products are measured on all ranks, once each, cut to what the probe can") {
  const auto samples = on_first(2, [](Group& group) {
    KnownProbe probe(group);
    return measure_products(group, probe, {{64, 2, 3}, {4, 2, 3}, {8, 2, 3}}, Time(1));
  });
  REQUIRE(samples.size() == 2);
  CHECK(samples[0].shape == ProductShape{4, 2, 3});
  CHECK(samples[1].shape == ProductShape{8, 2, 3});
  REQUIRE(samples[1].times.size() == 2);
  CHECK(samples[1].times[0] == std::vector<Time>(5, Time(8'000'000)));
  CHECK(samples[1].times[1] == std::vector<Time>(5, Time(16'000'000)));
}

// 32 MiB are read and written in 1 ms, on rank 1 in 2.
TEST_CASE("copies count what they read and what they write") {
  const auto rates = on_first(2, [](Group& group) {
    KnownProbe probe(group);
    return measure_copies(group, probe, Time(1));
  });
  CHECK(rates == std::vector<BytesPerSecond>{BytesPerSecond(67'108'864'000), BytesPerSecond(33'554'432'000)});
}

TEST_CASE("real messages between threads take some time, and longer ones no less than the copy does") {
  const auto samples = on_first(2, [](Group& group) {
    const auto probe = make_host_probe(group, 2);
    return measure_links({{"a"}, 2, 2}, group, *probe,
                         {{Bytes(0), Bytes(1), Bytes(1 << 22)}, Time(50'000'000)});
  });
  REQUIRE(samples.size() == 5);
  for (const LinkSamples& one : samples) {
    REQUIRE(one.times.size() == 1);
    CHECK(one.times[0].size() >= 5);
    for (const Time time : one.times[0]) CHECK(time > Time(0));
  }
  // No memory copies 4 TB in a second.
  CHECK(*std::min_element(samples[2].times[0].begin(), samples[2].times[0].end()) > Time(1 << 10));
}

TEST_CASE("real products take longer the bigger they are") {
  if (!host_can_multiply()) {
    MESSAGE("skipped: this build has no BLAS");
    return;
  }
  const auto samples = on_first(2, [](Group& group) {
    const auto probe = make_host_probe(group, 2);
    return measure_products(group, *probe, {{256, 256, 256}, {8, 8, 8}}, Time(1));
  });
  REQUIRE(samples.size() == 2);
  const auto best = [](const ProductSamples& one) {
    return *std::min_element(one.times[0].begin(), one.times[0].end());
  };
  CHECK(best(samples[0]) < best(samples[1]));  // 32,768 times the work
}

TEST_CASE(
    "a host cuts the rows of a product that takes too long, and the sides of one that takes too much "
    "memory") {
  run_in_process(1, [](Transport& transport) {
    Group group(transport, kSecond);
    const auto probe = make_host_probe(group, 1);
    PPSIM_ASSERT((probe->largest_product({64, 64, 64}) == ProductShape{64, 64, 64}), "small ones stay");
    // 1e9 FLOPs are 29 rows of 2 x 4096 x 4096.
    PPSIM_ASSERT((probe->largest_product({32768, 49152, 12288}) == ProductShape{29, 4096, 4096}), "cut");
  });
}

}  // namespace
}  // namespace ppsim::test::bench_test
