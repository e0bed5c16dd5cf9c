#include "ppsim/model/hardware/network.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "model/presets.hpp"

namespace ppsim::network_test {
namespace {

std::vector<std::string> names(const Network& network, const Route& route) {
  std::vector<std::string> result;
  for (const LinkId link : route.links) result.push_back(network.link_name(link));
  return result;
}

TEST_CASE("every ordered pair of ranks has a link of its own, numbered without gaps") {
  const Link link{BytesPerSecond(50), Time(7)};
  const Network network = Network::point_to_point(5, link);
  CHECK(network.link_count() == 20);
  std::set<LinkId> ids;
  for (std::uint32_t from = 0; from < 5; ++from) {
    for (std::uint32_t to = 0; to < 5; ++to) {
      if (from == to) continue;
      const Route route = network.route(Rank{from}, Rank{to});
      REQUIRE(route.links.size() == 1);
      CHECK(route.bandwidth == link.bandwidth);
      CHECK(route.latency == link.latency);
      CHECK(network.link_name(route.links[0]) ==
            "rank " + std::to_string(from) + " -> rank " + std::to_string(to));
      ids.insert(route.links[0]);
    }
  }
  CHECK(ids.size() == 20);
  CHECK(index(*ids.rbegin()) == 19);
  CHECK(Network::point_to_point(1, link).link_count() == 0);
}

TEST_CASE("links of a cluster are two ports a GPU and two directions a NIC, each named") {
  Cluster cluster = round_cluster(2);
  cluster.nics_per_node = 4;
  const Network network = Network::of_cluster(cluster, parallel(1, 16));
  REQUIRE(network.link_count() == 2 * (16 + 8));
  std::set<std::string> seen;
  for (std::uint32_t link = 0; link < network.link_count(); ++link)
    seen.insert(network.link_name(LinkId{link}));
  CHECK(seen.size() == 48);
  CHECK(seen.count("node 0 GPU 3 NVLink out") == 1);
  CHECK(seen.count("node 1 GPU 7 NVLink in") == 1);
  CHECK(seen.count("node 1 NIC 3 in") == 1);
}

TEST_CASE("ranks of one node talk over NVLink, each direction on ports of its own") {
  const Network network = Network::of_cluster(round_cluster(1), parallel(2, 4));
  const Route there = network.route(Rank{1}, Rank{2});
  CHECK_FALSE(there.crosses_nodes);
  CHECK(there.bandwidth == BytesPerSecond(400'000'000'000));
  CHECK(there.latency == std::chrono::microseconds(1));
  CHECK(names(network, there) == std::vector<std::string>{"node 0 GPU 2 NVLink out",
                                                          "node 0 GPU 3 NVLink out", "node 0 GPU 4 NVLink in",
                                                          "node 0 GPU 5 NVLink in"});
  const Route back = network.route(Rank{2}, Rank{1});
  for (const LinkId link : back.links)
    CHECK(std::find(there.links.begin(), there.links.end(), link) == there.links.end());
}

TEST_CASE("ranks on two nodes talk over each GPU's own NIC where there are as many") {
  const Network network = Network::of_cluster(round_cluster(4), parallel(8, 4));
  const Route route = network.route(Rank{0}, Rank{1});
  CHECK(route.crosses_nodes);
  CHECK(route.bandwidth == BytesPerSecond(50'000'000'000));
  CHECK(route.latency == std::chrono::microseconds(4));
  REQUIRE(route.links.size() == 16);
  CHECK(names(network, route).front() == "node 0 NIC 0 out");
  CHECK(names(network, route).back() == "node 1 NIC 7 in");
}

TEST_CASE("GPUs that share a NIC share its bandwidth") {
  struct Case {
    std::uint32_t nics;
    std::int64_t share;  // 50 GB/s / (8 GPUs / NICs)
    std::size_t links;   // out and in
  };
  for (const Case& c : {Case{1, 6'250'000'000, 2}, Case{2, 12'500'000'000, 4}, Case{4, 25'000'000'000, 8}}) {
    Cluster cluster = round_cluster(2);
    cluster.nics_per_node = c.nics;
    const Network network = Network::of_cluster(cluster, parallel(8, 2));
    const Route route = network.route(Rank{0}, Rank{1});
    CHECK(route.bandwidth == BytesPerSecond(c.share));
    CHECK(route.links.size() == c.links);
  }
}

TEST_CASE("the busiest NIC sets the pace where NICs have unequal numbers of GPUs") {
  Cluster cluster = round_cluster(2);
  cluster.nics_per_node = 3;  // floor(3 g / 8): GPUs 0-2, 3-5 and 6-7
  const Network network = Network::of_cluster(cluster, parallel(8, 2));
  CHECK(network.route(Rank{0}, Rank{1}).bandwidth == BytesPerSecond(50'000'000'000 / 3));
}

TEST_CASE("one GPU a rank has the whole of a shared NIC when it alone sends") {
  Cluster cluster = round_cluster(2);
  cluster.nics_per_node = 1;
  const Network network = Network::of_cluster(cluster, parallel(1, 16));
  const Route route = network.route(Rank{7}, Rank{8});
  CHECK(route.crosses_nodes);
  CHECK(route.bandwidth == BytesPerSecond(50'000'000'000));
  CHECK(names(network, route) == std::vector<std::string>{"node 0 NIC 0 out", "node 1 NIC 0 in"});
}

TEST_CASE("data-parallel replicas share NICs too, and only one replica's links are held") {
  Cluster cluster = round_cluster(2);
  cluster.nics_per_node = 4;
  // Rank 0 is node 0: eight replicas of one GPU; two of them on each NIC.
  const Network network = Network::of_cluster(cluster, parallel(1, 2, 8));
  const Route route = network.route(Rank{0}, Rank{1});
  CHECK(route.bandwidth == BytesPerSecond(25'000'000'000));
  CHECK(names(network, route) == std::vector<std::string>{"node 0 NIC 0 out", "node 1 NIC 0 in"});
}

TEST_CASE("a tensor group over two nodes talks to the next over all their NICs") {
  const Network network = Network::of_cluster(round_cluster(4), parallel(16, 2));
  const Route route = network.route(Rank{0}, Rank{1});
  CHECK(route.crosses_nodes);
  CHECK(route.bandwidth == BytesPerSecond(50'000'000'000));
  REQUIRE(route.links.size() == 32);
  CHECK(names(network, route).front() == "node 0 NIC 0 out");
  CHECK(names(network, route).back() == "node 3 NIC 7 in");
}

TEST_CASE("a route crosses nodes where any replica's does, over the links of the first that does") {
  // T = 1, D = 3: rank 1 is GPUs 3 4 5 and rank 2 is GPUs 6 7 8, of which 8 is in node 1: replica 2 crosses.
  const Network network = Network::of_cluster(round_cluster(2), parallel(1, 3, 3));
  CHECK_FALSE(network.route(Rank{0}, Rank{1}).crosses_nodes);
  const Route route = network.route(Rank{1}, Rank{2});
  CHECK(route.crosses_nodes);
  CHECK(names(network, route) == std::vector<std::string>{"node 0 NIC 5 out", "node 1 NIC 0 in"});
}

TEST_CASE("a transfer alone on its route takes its latency and its bytes at the slowest bandwidth") {
  const Route route{{}, BytesPerSecond(50'000'000'000), Time(5'000)};
  CHECK(route.transmission(Bytes(2'500'000)) == Time(50'000));
  CHECK(route.transfer(Bytes(2'500'000)) == Time(55'000));
  CHECK(route.transfer(Bytes(0)) == Time(5'000));
  const Route slow{{}, BytesPerSecond(1), Time(5'000)};
  CHECK(slow.transfer(Bytes(std::numeric_limits<std::int64_t>::max())) == Time::max());
}

}  // namespace
}  // namespace ppsim::network_test
