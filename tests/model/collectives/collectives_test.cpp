#include "ppsim/model/collectives/collectives.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>

#include "model/presets.hpp"

namespace ppsim::collectives_test {
namespace {

double microseconds(Seconds seconds) {
  return seconds.count() * 1e6;
}

TEST_CASE("one GPU has nothing to reduce") {
  CHECK(all_reduce_time(round_cluster(1), {1, 1}, Bytes(1'000'000)) == Seconds(0));
}

TEST_CASE("a ring of 8 on NVLink moves 2 x 7/8 of the bytes and waits 14 latencies") {
  // 400 MB at 400 GB/s is 1000 us: 1750 us + 14 x 1 us.
  CHECK(microseconds(all_reduce_time(round_cluster(1), {8, 1}, Bytes(400'000'000))) == doctest::Approx(1764));
  // Two GPUs: 2 x 1/2 x 1000 us + 2 x 1 us.
  CHECK(microseconds(all_reduce_time(round_cluster(1), {2, 1}, Bytes(400'000'000))) == doctest::Approx(1002));
}

TEST_CASE(
    "across nodes as many rings as NICs run side by side, and InfiniBand's latency counts at every step") {
  Cluster cluster = round_cluster(2);
  cluster.nvlink.bandwidth = BytesPerSecond(900'000'000'000);
  // 8 NICs x 50 GB/s = 400 GB/s: 2 x 15/16 x 1000 us + 30 x 4 us.
  CHECK(microseconds(all_reduce_time(cluster, {8, 2}, Bytes(400'000'000))) == doctest::Approx(1995));
  // One NIC for all eight: 50 GB/s, 8 times as long.
  cluster.nics_per_node = 1;
  CHECK(microseconds(all_reduce_time(cluster, {8, 2}, Bytes(400'000'000))) == doctest::Approx(15120));
}

TEST_CASE("a group of 2 GPUs a node uses the NICs of those two alone") {
  Cluster cluster = round_cluster(2);
  CHECK(ring_link(cluster, {2, 2}).bandwidth == BytesPerSecond(100'000'000'000));
  cluster.nics_per_node = 4;  // GPUs 0 and 1 share NIC 0
  CHECK(ring_link(cluster, {2, 2}).bandwidth == BytesPerSecond(50'000'000'000));
}

TEST_CASE("rings across nodes are not faster than NVLink, where a node has two of their GPUs") {
  Cluster cluster = round_cluster(2);
  cluster.nvlink.bandwidth = BytesPerSecond(30'000'000'000);
  CHECK(ring_link(cluster, {8, 2}).bandwidth == BytesPerSecond(30'000'000'000));
  CHECK(ring_link(cluster, {1, 2}).bandwidth == BytesPerSecond(50'000'000'000));
}

// A round cluster's node: 8 GPUs, NVLink 400 GB/s + 1 us, a NIC of 50 GB/s + 4 us for each; 400 MB take 1000
// us on NVLink, and on all NICs of a node.
constexpr Bytes kLarge(400'000'000);

TEST_CASE(
    "a tree over nodes carries all bytes twice, and waits for chains within nodes and a tree's height") {
  const auto tree = [](std::uint32_t gpus, std::uint32_t nodes) {
    return microseconds(tree_all_reduce_time(group_links(round_cluster(nodes), {gpus, nodes}), kLarge));
  };
  CHECK(tree(1, 1) == 0);
  CHECK(tree(8, 1) == doctest::Approx(2000 + 2 * 7));            // the chain alone
  CHECK(tree(8, 2) == doctest::Approx(2000 + 2 * (7 + 4)));      // height 1
  CHECK(tree(8, 4) == doctest::Approx(2000 + 2 * (7 + 2 * 4)));  // height 2
  CHECK(tree(1, 3) == doctest::Approx(16000 + 2 * 2 * 4));       // one NIC a node; height 2
}

TEST_CASE("a hierarchical all-reduce has rings in the nodes, and between them with an eighth of the bytes") {
  const auto time = [](std::uint32_t gpus, std::uint32_t nodes) {
    return microseconds(hierarchical_all_reduce_time(group_links(round_cluster(4), {gpus, nodes}), kLarge));
  };
  // Each half: 7/8 x 1000 us + 7 us in the node; 50 MB at 50 GB/s, half of them, + 4 us between two nodes.
  CHECK(time(8, 2) == doctest::Approx(2 * (882 + 504)));
  // Between four: 3/4 x 1000 us + 3 x 4 us.
  CHECK(time(8, 4) == doctest::Approx(2 * (882 + 762)));
  // With nothing on one of the levels it is the ring: 2 x (875 + 7), and 2 x (8000 / 2 + 4).
  CHECK(time(8, 1) == doctest::Approx(1764));
  CHECK(time(1, 2) == doctest::Approx(8008));
}

TEST_CASE("auto takes the fastest: tree for few bytes, ring or hierarchy for many, by the links") {
  using A = CollectiveAlgorithm;
  Cluster cluster = round_cluster(2);
  const GroupLinks even = group_links(cluster, {8, 2});
  // 400 kB: ring 2 x 15/16 x 1 us + 30 x 4 us, tree 2 us + 22 us, hierarchy 2 x (7.875 + 4.5) us.
  const Bytes small(400'000);
  CHECK(microseconds(all_reduce_time(even, small, A::Ring)) == doctest::Approx(121.875));
  CHECK(microseconds(all_reduce_time(even, small, A::Tree)) == doctest::Approx(24));
  CHECK(microseconds(all_reduce_time(even, small, A::Hierarchical)) == doctest::Approx(24.75));
  CHECK(microseconds(all_reduce_time(even, small, A::Auto)) == doctest::Approx(24));
  CHECK(microseconds(all_reduce_time(even, kLarge, A::Auto)) == doctest::Approx(1995));
  // NVLink at 1000 GB/s: in the node 7/8 x 400 us + 7 us, between nodes 504 us.
  cluster.nvlink.bandwidth = BytesPerSecond(1'000'000'000'000);
  CHECK(microseconds(all_reduce_time(group_links(cluster, {8, 2}), kLarge, A::Auto)) ==
        doctest::Approx(2 * (357 + 504)));
}

TEST_CASE("reduce-scatter and all-gather are the halves of a ring or a hierarchy; of a tree there are none") {
  using A = CollectiveAlgorithm;
  const GroupLinks group = group_links(round_cluster(2), {8, 2});
  for (const auto half : {&reduce_scatter_time, &all_gather_time}) {
    CHECK(microseconds(half(group, kLarge, A::Ring)) == doctest::Approx(1995.0 / 2));
    CHECK(microseconds(half(group, kLarge, A::Hierarchical)) == doctest::Approx(882 + 504));
    CHECK(half(group, kLarge, A::Tree) == half(group, kLarge, A::Ring));
    CHECK(half(group, kLarge, A::Auto) == half(group, kLarge, A::Ring));
    CHECK(half(GroupLinks{}, kLarge, A::Ring) == Seconds(0));
  }
}

TEST_CASE("an all-to-all sends a piece to each other GPU in turn, over NVLink or its own share of a NIC") {
  Cluster cluster = round_cluster(4);
  const auto time = [&cluster](GroupShape shape, std::int64_t bytes) {
    return microseconds(all_to_all_time(group_links(cluster, shape), Bytes(bytes)));
  };
  CHECK(time({1, 1}, 1'000'000) == 0);
  CHECK(time({8, 1}, 8'000'000) == doctest::Approx(7 * (2.5 + 1)));                  // pieces of 1 MB
  CHECK(time({8, 2}, 16'000'000) == doctest::Approx(7 * (2.5 + 1) + 8 * (20 + 4)));  // also
  CHECK(time({1, 4}, 4'000'000) == doctest::Approx(3 * (20 + 4)));
  cluster.nics_per_node = 3;  // GPUs 0 1 2, 3 4 5, 6 7: a third of a NIC for most
  CHECK(time({8, 2}, 16'000'000) == doctest::Approx(7 * (2.5 + 1) + 8 * (60 + 4)));
}

TEST_CASE("a step around a ring takes as long as its slowest hop") {
  const auto time = [](GroupShape shape) {
    return microseconds(ring_send_time(group_links(round_cluster(4), shape), Bytes(1'000'000)));
  };
  CHECK(time({1, 1}) == 0);
  CHECK(time({8, 1}) == doctest::Approx(2.5 + 1));
  CHECK(time({8, 2}) == doctest::Approx(20 + 4));
  CHECK(time({1, 4}) == doctest::Approx(20 + 4));
}

// Rates in GB/s of one group's rings, of a GPU while all send, and while one of each group does.
struct BlockCase {
  GpuRange block;
  std::uint64_t groups;
  std::uint32_t nics;
  std::uint64_t nodes, per_node;
  double ring, across, hop;
};

TEST_CASE("groups side by side share the NICs of their nodes") {
  for (const BlockCase& c : std::initializer_list<BlockCase>{
           {{0, 8}, 2, 8, 1, 4, 400, 50, 50},        // in one node: NVLink
           {{0, 16}, 4, 8, 2, 2, 100, 50, 50},       // four rings on eight NICs
           {{0, 16}, 4, 4, 2, 2, 50, 25, 25},        // GPUs 4 to 7, the last of each group, on two NICs
           {{0, 16}, 4, 1, 2, 2, 12.5, 6.25, 12.5},  // all on one
           {{0, 16}, 1, 4, 2, 8, 200, 25, 50},       // one group: alone on a NIC when it hands on
           {{0, 16}, 8, 8, 2, 1, 50, 50, 50},        // a GPU a node
           {{4, 8}, 2, 8, 2, 2, 100, 50, 50},        // the halves of two nodes
           {{0, 9}, 1, 8, 2, 1, 50, 50, 50},         // eight and one: the one's NIC
           {{0, 12}, 3, 8, 2, 1, 50, 50, 50},        // GPUs 2 5 | 8 11 and 0 3 6 | 9: one at least
           {{0, 16}, 8, 3, 2, 1, 50 / 3.0, 50 / 3.0, 50 / 3.0},  // three rings on the first NIC, two on the
                                                                 // last
       }) {
    CAPTURE(c.block.first);
    CAPTURE(c.block.count);
    CAPTURE(c.groups);
    CAPTURE(c.nics);
    Cluster cluster = round_cluster(2);
    cluster.nics_per_node = c.nics;
    const GroupLinks group = group_links(cluster, c.block, c.groups);
    CHECK(group.members == c.block.count / c.groups);
    CHECK(group.nodes == c.nodes);
    CHECK(group.per_node == c.per_node);
    CHECK(static_cast<double>(group.ring.bandwidth.count()) / 1e9 == doctest::Approx(c.ring));
    CHECK(static_cast<double>(group.across.bandwidth.count()) / 1e9 == doctest::Approx(c.across));
    CHECK(static_cast<double>(group.hop.bandwidth.count()) / 1e9 == doctest::Approx(c.hop));
  }
}

TEST_CASE("nodes with different numbers of members have no hierarchy: it is a ring") {
  const GroupLinks group = group_links(round_cluster(2), GpuRange{0, 9}, 1);
  CHECK_FALSE(group.even());
  CHECK(hierarchical_all_reduce_time(group, kLarge) ==
        all_reduce_time(group, kLarge, CollectiveAlgorithm::Ring));
}

TEST_CASE("tensor parallelism over two nodes spends a multiple of the share of one node on communication") {
  // Compute halves from 8 to 16 GPUs while the rings carry 15/14 of the bytes at 4 times the latency, and
  // with one NIC a node at an eighth of the rate.
  const auto comm_share = [](std::uint32_t tensor, std::uint32_t nics) {
    Cluster cluster = round_cluster(2);
    cluster.nics_per_node = nics;
    const StageCosts stage = training(cluster, small_gpt(), parallel(tensor, 1)).stages.at(0);
    return static_cast<double>(stage.ops[OpKind::Forward].tensor_comm.count()) /
           static_cast<double>(stage.duration(OpKind::Forward).count());
  };
  CHECK(comm_share(16, 8) > 1.8 * comm_share(8, 8));
  CHECK(comm_share(16, 1) > comm_share(16, 8));
}

TEST_CASE("a tensor group's collectives run as they are told to") {
  // Two all-reduces a layer of 512 x 1024 x 2 bytes.
  const Bytes bytes(1'048'576);
  const GroupLinks group = group_links(round_cluster(2), {8, 2});
  for (const CollectiveAlgorithm algorithm : {CollectiveAlgorithm::Tree, CollectiveAlgorithm::Hierarchical}) {
    Parallelism p = parallel(16, 1);
    p.collectives = algorithm;
    const auto each = [&p] {
      const StageCosts stage = training(round_cluster(2), small_gpt(), p).stages.at(0);
      return static_cast<double>(stage.ops[OpKind::Forward].tensor_comm.count()) /
             13;  // six layers and the embedding
    };
    CHECK(std::abs(each() - 1e9 * all_reduce_time(group, bytes, algorithm).count()) < 1);
    // Sequence parallelism has an all-gather and a reduce-scatter, which are no tree.
    p.sequence_parallel = true;
    CHECK(std::abs(each() - 2e9 * all_gather_time(group, bytes, algorithm).count()) < 1);
  }
}

}  // namespace
}  // namespace ppsim::collectives_test
