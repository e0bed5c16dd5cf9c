// Nodes without NVLink: 8 GPUs of 32 GB/s + 5 us under two switches of four; NICs of 50 GB/s + 4 us.
#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "model/presets.hpp"
#include "ppsim/model/collectives/collectives.hpp"

namespace ppsim::pcie_test {
namespace {

Cluster pcie_cluster(std::uint32_t nodes, std::uint32_t gpus_per_switch = 4) {
  Cluster cluster = round_cluster(nodes);
  cluster.pcie = Pcie{{BytesPerSecond(32'000'000'000), std::chrono::microseconds(5)}, gpus_per_switch};
  return cluster;
}

std::vector<std::string> names(const Network& network, const Route& route) {
  std::vector<std::string> result;
  for (const LinkId link : route.links) result.push_back(network.link_name(link));
  return result;
}

double gigabytes(const Link& link) {
  return static_cast<double>(link.bandwidth.count()) / 1e9;
}

TEST_CASE("GPUs of one switch talk over their own links, those of two over the uplinks too") {
  const Network network = Network::of_cluster(pcie_cluster(1), parallel(1, 8));
  REQUIRE(network.link_count() == 2 * (8 + 8 + 2));  // GPUs, NICs, switches
  const Route near = network.route(Rank{2}, Rank{3});
  CHECK(names(network, near) == std::vector<std::string>{"node 0 GPU 2 PCIe out", "node 0 GPU 3 PCIe in"});
  CHECK(near.bandwidth == BytesPerSecond(32'000'000'000));
  CHECK(near.latency == std::chrono::microseconds(5));
  const Route far = network.route(Rank{4}, Rank{3});
  CHECK(names(network, far) == std::vector<std::string>{"node 0 GPU 3 PCIe in", "node 0 GPU 4 PCIe out",
                                                        "node 0 switch 0 in", "node 0 switch 1 out"});
  CHECK(far.bandwidth == BytesPerSecond(32'000'000'000));  // alone on the uplinks
}

TEST_CASE("GPUs of a switch share its uplink, and one switch has none") {
  // T 4, P 2: four GPUs send from one switch to the other.
  const Network two = Network::of_cluster(pcie_cluster(1), parallel(4, 2));
  CHECK(two.route(Rank{0}, Rank{1}).bandwidth == BytesPerSecond(8'000'000'000));
  const Network one = Network::of_cluster(pcie_cluster(1, 8), parallel(4, 2));
  CHECK(one.route(Rank{0}, Rank{1}).bandwidth == BytesPerSecond(32'000'000'000));
  CHECK(one.link_count() == 2 * (8 + 8));
  // T 2, P 4: ranks 0 and 1 are under one switch, 1 and 2 under two.
  const Network four = Network::of_cluster(pcie_cluster(1), parallel(2, 4));
  CHECK(four.route(Rank{0}, Rank{1}).bandwidth == BytesPerSecond(32'000'000'000));
  CHECK(four.route(Rank{1}, Rank{2}).bandwidth == BytesPerSecond(16'000'000'000));
}

TEST_CASE("what goes to a NIC crosses PCIe, and uplinks where the NIC is under another switch") {
  // A NIC each: PCIe is slower than 50 GB/s, and adds no latency.
  const Network own = Network::of_cluster(pcie_cluster(2), parallel(8, 2));
  const Route route = own.route(Rank{0}, Rank{1});
  CHECK(route.bandwidth == BytesPerSecond(32'000'000'000));
  CHECK(route.latency == std::chrono::microseconds(4));
  CHECK(route.links.size() == 2 * (8 + 8));
  // One NIC of 100 GB/s under switch 0: an eighth of it is 12.5 GB/s, but four GPUs share the way to it.
  Cluster cluster = pcie_cluster(2);
  cluster.nics_per_node = 1;
  cluster.infiniband.bandwidth = BytesPerSecond(100'000'000'000);
  const Network shared = Network::of_cluster(cluster, parallel(8, 2));
  CHECK(shared.route(Rank{0}, Rank{1}).bandwidth == BytesPerSecond(8'000'000'000));
  const Network single = Network::of_cluster(cluster, parallel(1, 16));
  CHECK(names(single, single.route(Rank{7}, Rank{8})) ==
        std::vector<std::string>{"node 0 GPU 7 PCIe out", "node 1 GPU 0 PCIe in", "node 0 NIC 0 out",
                                 "node 1 NIC 0 in", "node 0 switch 0 in", "node 0 switch 1 out"});
}

TEST_CASE("rings in a node share an uplink as far as their hops leave a switch") {
  struct Case {
    std::uint64_t groups;
    std::uint32_t gpus_per_switch;
    double ring;  // GB/s
  };
  for (const Case& c : std::initializer_list<Case>{
           {1, 4, 32},  // 3 -> 4 and 7 -> 0: one hop out of each switch
           {2, 4, 16},  // 2 -> 4, 6 -> 0 of one group, 3 -> 5, 7 -> 1 of the other
           {4, 4, 8},   // 0 -> 4, 4 -> 0, ...: each of four GPUs
           {4, 8, 32},  // one switch
           {1, 2, 32},  // four switches
           {4, 1, 32},  // a switch a GPU
       }) {
    CAPTURE(c.groups);
    CAPTURE(c.gpus_per_switch);
    const Cluster cluster = pcie_cluster(1, c.gpus_per_switch);
    const GroupLinks group = group_links(cluster, GpuRange{0, 8}, c.groups);
    CHECK(gigabytes(group.ring) == c.ring);
    CHECK(gigabytes(group.inside) == c.ring);
    CHECK(group.ring.latency == std::chrono::microseconds(5));
  }
  // 64 MB over 8 GPUs: 2 x 7/8 x 2 ms + 14 x 5 us.
  CHECK(all_reduce_time(pcie_cluster(1), {8, 1}, Bytes(64'000'000)).count() ==
        doctest::Approx(3500e-6 + 70e-6));
}

TEST_CASE("an all-to-all in a node waits for its switches' uplinks") {
  // Each of four GPUs sends 4 of its 7 pieces to the other switch: 16 pieces on the uplink while a GPU's own
  // link carries 7. Pieces of 8 MB are 250 us: 16 x 250 us + 7 x 5 us.
  const GroupLinks group = group_links(pcie_cluster(1), {8, 1});
  CHECK(gigabytes(group.spread_inside) == doctest::Approx(32.0 * 7 / 16));
  CHECK(all_to_all_time(group, Bytes(64'000'000)).count() == doctest::Approx(4000e-6 + 35e-6));
  CHECK(gigabytes(group_links(pcie_cluster(1, 8), {8, 1}).spread_inside) == 32);
}

TEST_CASE("rings over nodes are not faster than PCIe, nor is the way to a NIC under another switch") {
  CHECK(gigabytes(ring_link(pcie_cluster(2), {8, 2})) == 32);  // eight NICs would give 400
  CHECK(gigabytes(ring_link(pcie_cluster(2), {1, 2})) == 32);  // and one 50: a GPU a node has PCIe too
  Cluster cluster = pcie_cluster(2);
  cluster.nics_per_node = 1;
  cluster.infiniband.bandwidth = BytesPerSecond(100'000'000'000);
  // Eight groups of a GPU a node: an eighth of the NIC is 12.5, but GPUs 4 to 7 share the uplink.
  CHECK(gigabytes(group_links(cluster, GpuRange{0, 16}, 8).ring) == 8);
  CHECK(gigabytes(group_links(cluster, GpuRange{0, 16}, 8).across) == 8);
}

}  // namespace
}  // namespace ppsim::pcie_test
