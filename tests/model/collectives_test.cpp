#include "ppsim/model/collectives.hpp"

#include <doctest/doctest.h>

#include "presets.hpp"

namespace ppsim {
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

TEST_CASE("tensor parallelism over two nodes spends a multiple of the share of one node on communication") {
  // Compute halves from 8 to 16 GPUs while the rings carry 15/14 of the bytes at 4 times the latency, and
  // with one NIC a node at an eighth of the rate.
  const auto comm_share = [](std::uint32_t tensor, std::uint32_t nics) {
    Cluster cluster = round_cluster(2);
    cluster.nics_per_node = nics;
    const StageCosts stage = training(cluster, small_gpt(), parallel(tensor, 1)).stages.at(0);
    return static_cast<double>(stage.forward_tensor_comm.count()) /
           static_cast<double>(stage.forward.count());
  };
  CHECK(comm_share(16, 8) > 1.8 * comm_share(8, 8));
  CHECK(comm_share(16, 1) > comm_share(16, 8));
}

}  // namespace
}  // namespace ppsim
