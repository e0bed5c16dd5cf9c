// Leaves and a spine between nodes of 8 GPUs with a NIC of 50 GB/s + 4 us each, so 400 GB/s a node.
#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "model/presets.hpp"
#include "ppsim/model/collectives/collectives.hpp"
#include "ppsim/model/costs/stragglers.hpp"

namespace ppsim::fabric_test {
namespace {

Cluster fabric_cluster(std::uint32_t nodes, const Fabric& fabric) {
  Cluster cluster = round_cluster(nodes);
  cluster.fabric = fabric;
  return cluster;
}

// Two nodes a leaf; the spine is 1 us away.
Fabric pairs(double oversubscription, bool rail_optimized = false) {
  return {2, oversubscription, rail_optimized, std::chrono::microseconds(1)};
}

std::vector<std::string> shared_names(const Network& network, const Route& route) {
  std::vector<std::string> result;
  for (const LinkShare& share : route.shares) result.push_back(network.link_name(share.link));
  return result;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

double gigabytes(BytesPerSecond rate) {
  return static_cast<double>(rate.count()) / 1e9;
}

TEST_CASE("a leaf has two uplinks, a leaf for each rail of some nodes as many times two") {
  const auto names = [](const Cluster& cluster) {
    const Network network = Network::of_cluster(cluster, parallel(1, 1));
    std::vector<std::string> result;
    for (std::uint32_t link = 2 * (40 + 40); link < network.link_count(); ++link)
      result.push_back(network.link_name(LinkId{link}));
    return result;
  };
  CHECK(names(fabric_cluster(5, pairs(1))) == std::vector<std::string>{"leaf 0 up", "leaf 0 down",
                                                                       "leaf 1 up", "leaf 1 down",
                                                                       "leaf 2 up", "leaf 2 down"});
  const std::vector<std::string> rails = names(fabric_cluster(5, pairs(1, true)));
  REQUIRE(rails.size() == 2 * 3 * 8);
  CHECK(rails.front() == "leaf 0 rail 0 up");
  CHECK(rails.back() == "leaf 2 rail 7 down");
}

TEST_CASE("oversubscription slows what crosses the spine, where enough of it does") {
  // Four nodes; at 4 to 1 the uplinks of a leaf have 2 x 400 / 4 = 200 GB/s.
  struct Case {
    std::uint32_t tensor, pipeline, data;
    std::uint32_t from;
    double oversubscription;
    double bandwidth;  // GB/s of one GPU
    bool spine;
  };
  for (const Case& c : std::initializer_list<Case>{
           {8, 4, 1, 0, 4, 50, false},   // node 0 to 1, below leaf 0
           {8, 4, 1, 1, 4, 25, true},    // node 1 to 2: eight flows share 200 GB/s
           {8, 4, 1, 2, 4, 50, false},   // node 2 to 3
           {8, 4, 1, 1, 2, 50, true},    // 400 GB/s for eight
           {4, 8, 1, 3, 4, 50, true},    // four flows have enough
           {2, 16, 1, 7, 8, 50, true},   // two flows on 100 GB/s
           {2, 16, 1, 7, 10, 40, true},  // on 80
           {8, 2, 2, 0, 4, 12.5, true},  // both nodes of a leaf send at once: 50 / 4
           {8, 2, 2, 0, 1, 50, true},    // non-blocking
           {4, 8, 1, 0, 4, 400, false},  // within a node: NVLink
       }) {
    CAPTURE(c.tensor);
    CAPTURE(c.data);
    CAPTURE(c.from);
    CAPTURE(c.oversubscription);
    const Network network = Network::of_cluster(fabric_cluster(4, pairs(c.oversubscription)),
                                                parallel(c.tensor, c.pipeline, c.data));
    const Route there = network.route(Rank{c.from}, Rank{c.from + 1});
    CHECK(gigabytes(there.bandwidth) == c.bandwidth);
    CHECK(contains(shared_names(network, there), "leaf 0 up") == c.spine);
    CHECK(contains(shared_names(network, there), "leaf 1 down") == c.spine);
    if (there.crosses_nodes) CHECK(there.latency == std::chrono::microseconds(c.spine ? 5 : 4));
    const Route back = network.route(Rank{c.from + 1}, Rank{c.from});
    CHECK(back.bandwidth == there.bandwidth);
    CHECK(contains(shared_names(network, back), "leaf 1 up") == c.spine);
  }
}

TEST_CASE("uplinks carry many transfers at once: they are shared, and not held") {
  const Network network = Network::of_cluster(fabric_cluster(4, pairs(4)), parallel(8, 4));
  const Route route = network.route(Rank{1}, Rank{2});
  CHECK(route.links.size() == 16);  // eight NICs out, eight in
  REQUIRE(route.shares.size() == 18);
  CHECK(network.link_name(route.shares[16].link) == "leaf 0 up");
  CHECK(network.link_name(route.shares[17].link) == "leaf 1 down");
  for (const std::size_t i : {16U, 17U}) {
    CHECK(route.shares[i].capacity == BytesPerSecond(200'000'000'000));
    CHECK(route.shares[i].flows == 8);
  }
}

TEST_CASE("a leaf with fewer nodes has fewer uplinks") {
  // Three nodes: leaf 1 has one, 400 / 2 GB/s for eight flows.
  const Network network = Network::of_cluster(fabric_cluster(3, pairs(2)), parallel(8, 3));
  CHECK(gigabytes(network.route(Rank{1}, Rank{2}).bandwidth) == 25);
  CHECK(gigabytes(network.route(Rank{2}, Rank{1}).bandwidth) == 25);
}

TEST_CASE("a rail-optimised fabric joins GPUs of one place, the other kind GPUs of one leaf") {
  // T 4, P 8 at 4 to 1. A rail's leaf has two NICs below it and 2 x 50 / 4 = 25 GB/s up.
  const Network plain = Network::of_cluster(fabric_cluster(4, pairs(4)), parallel(4, 8));
  const Network rails = Network::of_cluster(fabric_cluster(4, pairs(4, true)), parallel(4, 8));
  // Rank 1 is GPUs 4 to 7 of node 0, rank 2 GPUs 0 to 3 of node 1: rails 4 to 7 and 0 to 3.
  const Route plain_route = plain.route(Rank{1}, Rank{2}), rail_route = rails.route(Rank{1}, Rank{2});
  CHECK(gigabytes(plain_route.bandwidth) == 50);
  CHECK(plain_route.latency == std::chrono::microseconds(4));
  CHECK(gigabytes(rail_route.bandwidth) == 25);
  CHECK(rail_route.latency == std::chrono::microseconds(5));
  CHECK(contains(shared_names(rails, rail_route), "leaf 0 rail 4 up"));
  CHECK(contains(shared_names(rails, rail_route), "leaf 0 rail 0 down"));
  // Rank 0 to rank 2 is GPU g to GPU g of the next node.
  CHECK(gigabytes(rails.route(Rank{0}, Rank{2}).bandwidth) == 50);
  CHECK(rails.route(Rank{0}, Rank{2}).latency == std::chrono::microseconds(4));
  // Between leaves of different nodes both cross: four flows on 200 GB/s, or one on each rail's 25.
  CHECK(gigabytes(plain.route(Rank{2}, Rank{4}).bandwidth) == 50);
  CHECK(gigabytes(rails.route(Rank{2}, Rank{4}).bandwidth) == 25);
}

TEST_CASE("a GPU with two NICs puts half of its bytes on each of two rails") {
  Cluster cluster = fabric_cluster(4, pairs(1, true));
  cluster.nics_per_node = 16;
  // 2 x 50 GB/s a rail; a GPU's 100 GB/s take half of two of them.
  const Network even = Network::of_cluster(cluster, parallel(8, 4));
  CHECK(gigabytes(even.route(Rank{1}, Rank{2}).bandwidth) == 100);
  // At 4 to 1 a rail has 25 GB/s, a GPU two rails.
  cluster.fabric->oversubscription = 4;
  const Network uneven = Network::of_cluster(cluster, parallel(8, 4));
  const Route route = uneven.route(Rank{1}, Rank{2});
  CHECK(gigabytes(route.bandwidth) == 50);
  CHECK(contains(shared_names(uneven, route), "leaf 0 rail 15 up"));
  // One leaf for all: 2 x 16 x 50 / 4 GB/s for eight flows.
  cluster.fabric->rail_optimized = false;
  CHECK(gigabytes(Network::of_cluster(cluster, parallel(8, 4)).route(Rank{1}, Rank{2}).bandwidth) == 50);
}

TEST_CASE("rings over consecutive nodes leave a leaf once, with what one node sends") {
  // Four nodes, two a leaf; eight flows of one node on 800 / o GB/s.
  struct Case {
    double oversubscription;
    std::uint64_t groups;
    double ring, across;  // GB/s
  };
  for (const Case& c : std::initializer_list<Case>{
           {1, 1, 400, 50},
           {2, 1, 400, 50},  // the uplinks have as much as one node
           {4, 1, 200, 25},  // half of it
           {4, 4, 50, 25},   // four rings share it
           {2, 16, 25, 25},  // a GPU a leaf in each: both nodes of a leaf hand on to the next
           {1, 16, 50, 50},
       }) {
    CAPTURE(c.oversubscription);
    CAPTURE(c.groups);
    const GroupLinks group =
        group_links(fabric_cluster(4, pairs(c.oversubscription)), GpuRange{0, 32}, c.groups);
    CHECK(gigabytes(group.ring.bandwidth) == c.ring);
    CHECK(gigabytes(group.across.bandwidth) == c.across);
    CHECK(group.ring.latency == std::chrono::microseconds(5));
  }
  // Below one leaf nothing is crossed.
  const GroupLinks below = group_links(fabric_cluster(4, pairs(8)), GpuRange{16, 16}, 1);
  CHECK(gigabytes(below.ring.bandwidth) == 400);
  CHECK(below.ring.latency == std::chrono::microseconds(4));
}

TEST_CASE("rings keep to their rails") {
  const GroupLinks rails = group_links(fabric_cluster(2, pairs(8, true)), GpuRange{0, 16}, 1);
  CHECK(gigabytes(rails.ring.bandwidth) == 400);
  CHECK(rails.ring.latency == std::chrono::microseconds(4));
  // What a GPU hands to the next is for another rail where that is in another node: GPU 7 to GPU 8 and GPU 15
  // to GPU 0, both up rail 7's 2 x 50 / 8 GB/s.
  CHECK(gigabytes(rails.hop.bandwidth) == 6.25);
  CHECK(rails.hop.latency == std::chrono::microseconds(5));
  // The halves of two nodes are on rails 4 to 7 and 0 to 3, four times 12.5 GB/s.
  const GroupLinks halves = group_links(fabric_cluster(2, pairs(8, true)), GpuRange{4, 8}, 1);
  CHECK(gigabytes(halves.across.bandwidth) == 12.5);
  CHECK(gigabytes(halves.ring.bandwidth) == 50);
}

TEST_CASE("an all-to-all sends over the uplinks what is for members under other leaves") {
  struct Case {
    Fabric fabric;
    double rate;  // GB/s of a member
  };
  for (const Case& c : std::initializer_list<Case>{
           // 32 members, 16 under each leaf: 16 x 16 pieces leave it on 800 / o GB/s, while each sends 24 to
           // other nodes.
           {pairs(1), 50},  // 75 would fit
           {pairs(4), 200.0 * 24 / 256},
           // One leaf for each rail of all four nodes, 200 / o GB/s up: each of its 4 members sends 24 pieces
           // to other nodes, 3 of them along the rail.
           {{4, 1, true, {}}, 50},  // 200 x 24 / 84 = 57 would fit
           {{4, 2, true, {}}, 100.0 * 24 / 84},
           // All under one leaf.
           {{4, 1000, false, {}}, 50},
       }) {
    CAPTURE(c.fabric.oversubscription);
    CAPTURE(c.fabric.rail_optimized);
    const GroupLinks group = group_links(fabric_cluster(4, c.fabric), GpuRange{0, 32}, 1);
    CHECK(gigabytes(group.spread_across.bandwidth) == doctest::Approx(c.rate));
    CHECK(gigabytes(group.spread_inside.bandwidth) == 400);
  }
  // Pieces of 1 MB at 18.75 GB/s + 5 us, and seven in the node at 400 GB/s + 1 us.
  const GroupLinks group = group_links(fabric_cluster(4, pairs(4)), GpuRange{0, 32}, 1);
  CHECK(all_to_all_time(group, Bytes(32'000'000)).count() * 1e6 ==
        doctest::Approx(24 * (1000 / 18.75 + 5) + 7 * (2.5 + 1)));
}

TEST_CASE("of all tensor groups the one that crosses the spine sets the pace") {
  // Two nodes each on leaves of three: nodes 2 and 3 are under two of them.
  const auto comm = [](double oversubscription) {
    const Cluster cluster = fabric_cluster(6, {3, oversubscription, false, Time{}});
    return training(cluster, small_gpt(), parallel(16, 3)).stages.at(0).ops[OpKind::Forward].tensor_comm;
  };
  CHECK(comm(3) == comm(1));  // 3 x 400 / 3: as much as a node sends
  // A third of that. Five all-reduces (two layers, the embedding) of 1 MiB, each 2 x 15/16 x 7.86432 us + 30
  // x 4 us = 134.7456 us.
  CHECK(comm(9) == Time(673'728));
}

TEST_CASE("a slow uplink slows collectives where they need what it has lost, and no others") {
  // Four replicas, a node each; eight flows at 50 GB/s leave a leaf of 800 GB/s.
  const Cluster cluster = fabric_cluster(4, pairs(1));
  const auto speed = [&](const char* link, double factor) {
    const Parallelism p = parallel(8, 1, 4);
    Workload workload = training(cluster, small_gpt(), p);
    add_stragglers(workload, {{}, {{link, factor}}}, cluster, p);
    return workload.rank_speeds.empty() ? RankSpeed{} : workload.rank_speeds[0];
  };
  CHECK(speed("leaf 0 up", 0.5) == RankSpeed{});
  CHECK(speed("leaf 0 up", 0.25) == RankSpeed{1, 1, 0.5});
  CHECK(speed("leaf 1 down", 0.125) == RankSpeed{1, 1, 0.25});
}

}  // namespace
}  // namespace ppsim::fabric_test
