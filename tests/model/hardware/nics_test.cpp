// One NIC for all GPUs of a node, one each, or several each; and what a second node costs a tensor group.
#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>
#include <string>

#include "model/presets.hpp"
#include "ppsim/model/collectives/collectives.hpp"

namespace ppsim::nics_test {
namespace {

Route route_with(std::uint32_t nics) {
  Cluster cluster = round_cluster(2);
  cluster.nics_per_node = nics;
  return Network::of_cluster(cluster, parallel(8, 2)).route(Rank{0}, Rank{1});
}

TEST_CASE("a GPU sends over all NICs of its own, and what the division leaves over carries nothing") {
  struct Case {
    std::uint32_t nics;
    std::int64_t bandwidth;  // of one GPU
    std::size_t links;       // out and in
  };
  for (const Case& c : std::initializer_list<Case>{
           {8, 50'000'000'000, 16},
           {12, 50'000'000'000, 16},   // one each, four idle
           {16, 100'000'000'000, 32},  // two each
           {17, 100'000'000'000, 32},
           {4096, 512 * 50'000'000'000, 2 * 4096},
       }) {
    CAPTURE(c.nics);
    const Route route = route_with(c.nics);
    CHECK(route.bandwidth == BytesPerSecond(c.bandwidth));
    CHECK(route.links.size() == c.links);
  }
}

TEST_CASE("GPU g has the NICs from g x k on, each with a kth of its bytes") {
  Cluster cluster = round_cluster(2);
  cluster.nics_per_node = 16;
  const Network network = Network::of_cluster(cluster, parallel(1, 16));
  const Route route = network.route(Rank{7}, Rank{8});
  REQUIRE(route.links.size() == 4);
  const char* expected[] = {"node 0 NIC 14 out", "node 0 NIC 15 out", "node 1 NIC 0 in", "node 1 NIC 1 in"};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(network.link_name(route.links[i]) == expected[i]);
    CHECK(route.shares[i].capacity == BytesPerSecond(100'000'000'000));  // of whole flows: twice a NIC
    CHECK(route.shares[i].flows == 1);
  }
}

TEST_CASE("rings over nodes use all NICs that their GPUs have") {
  Cluster cluster = round_cluster(2);
  cluster.nvlink.bandwidth = BytesPerSecond(2'000'000'000'000);
  for (const std::uint32_t nics : {1U, 4U, 8U, 16U}) {
    CAPTURE(nics);
    cluster.nics_per_node = nics;
    CHECK(ring_link(cluster, {8, 2}).bandwidth == BytesPerSecond(nics * 50'000'000'000LL));
  }
  CHECK(ring_link(cluster, {1, 2}).bandwidth == BytesPerSecond(100'000'000'000));  // 16 NICs: two
  CHECK(group_links(cluster, {8, 2}).across.bandwidth == BytesPerSecond(100'000'000'000));
}

TEST_CASE("one NIC a node sends a boundary in 8 times the time of eight, to the nanosecond") {
  // 500 tokens x 1000 x 2 bytes = 1 MB from each of 8 GPUs: 20 us at 50 GB/s, 160 us at an eighth of that.
  Transformer model = small_gpt();
  model.sequence_length = 500;
  model.hidden = 1000;
  model.heads = model.kv_heads = 8;
  model.ffn_hidden = 4000;
  const auto transmission = [&](std::uint32_t nics) {
    Cluster cluster = round_cluster(2);
    cluster.nics_per_node = nics;
    const Workload workload = training(cluster, model, parallel(8, 2));
    return workload.network.route(Rank{0}, Rank{1}).transmission(workload.stages[0].forward_transfer);
  };
  CHECK(transmission(8) == std::chrono::microseconds(20));
  CHECK(transmission(1) == std::chrono::microseconds(160));
  CHECK(transmission(16) == std::chrono::microseconds(10));
}

TEST_CASE("a tensor group over two nodes has half the compute and a multiple of the collectives") {
  // Six layers of 24 s h^2 + 4 s^2 h FLOPs and a head of 2 s h v, s = 512, h = 1024, v = 8192: 92.34 GFLOP at
  // 50 TFLOP/s are 1846.84 us, divided by the tensor size. Thirteen all-reduces (two a layer, one embedding)
  // of s x h x 2 bytes = 1 MiB, 2.62144 us at 400 GB/s:
  //   8 GPUs on NVLink           2 x 7/8 x 2.62144 + 14 x 1 us        = 18.58752 us
  //   16 on 8 NICs a node        2 x 15/16 x 2.62144 + 30 x 4 us      = 124.9152 us, 6.72 times that
  //   16 on one NIC a node       2 x 15/16 x 8 x 2.62144 + 30 x 4 us  = 159.3216 us, 8.57 times that
  const double compute = 1'846'835.93728;  // ns
  struct Case {
    std::uint32_t tensor, nics;
    double all_reduce;  // ns
  };
  for (const Case& c : {Case{8, 8, 18'587.52}, Case{16, 8, 124'915.2}, Case{16, 1, 159'321.6}}) {
    CAPTURE(c.tensor);
    CAPTURE(c.nics);
    Cluster cluster = round_cluster(2);
    cluster.nics_per_node = c.nics;
    const StageCosts stage = training(cluster, small_gpt(), parallel(c.tensor, 1)).stages.at(0);
    CHECK(stage.ops[OpKind::Forward].tensor_comm == Time(std::llround(13 * c.all_reduce)));
    CHECK(stage.duration(OpKind::Forward) == Time(std::llround(compute / c.tensor + 13 * c.all_reduce)));
  }
  // So F takes 472.492 us on one node and 1739.325 us on two: 3.68 times as long with twice the GPUs.
  const auto forward = [](std::uint32_t tensor) {
    return training(round_cluster(2), small_gpt(), parallel(tensor, 1))
        .stages.at(0)
        .duration(OpKind::Forward);
  };
  CHECK(forward(8) == Time(472'492));
  CHECK(forward(16) == Time(1'739'325));
}

}  // namespace
}  // namespace ppsim::nics_test
