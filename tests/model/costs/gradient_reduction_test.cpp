// The data-parallel all-reduce of a stage: a ring over D replicas moves 2 (D-1)/D of its gradients and waits
// 2 (D-1) latencies.
#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>

#include "model/presets.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "support.hpp"

namespace ppsim::gradient_reduction_test {
namespace {

// NVLink 400 GB/s + 1 us, a NIC 50 GB/s + 4 us.
struct Case {
  std::uint32_t tensor, data, nics;
  double rate;     // GB/s of one ring
  double latency;  // us
};

TEST_CASE("gradients are reduced at the rate of the links between the replicas") {
  for (const Case& c : std::initializer_list<Case>{
           {1, 8, 8, 400, 1},   // one node: NVLink
           {4, 2, 8, 400, 1},   // one node: four rings of two GPUs
           {8, 2, 8, 50, 4},    // a replica a node: eight rings, a NIC each
           {8, 4, 8, 50, 4},    //
           {8, 2, 1, 6.25, 4},  // eight rings on one NIC
           {2, 8, 8, 200, 4},   // four replicas a node: two rings share eight NICs
           {1, 16, 8, 400, 4},  // one ring on eight NICs: 400 GB/s, as NVLink
           {1, 16, 1, 50, 4},   // one ring on one NIC
           {16, 2, 8, 50, 4},   // a replica on two nodes: eight rings a node
           {1, 9, 8, 50, 4},    // eight replicas in one node, one in the next: its one NIC sets the pace
       }) {
    CAPTURE(c.tensor);
    CAPTURE(c.data);
    CAPTURE(c.nics);
    Cluster cluster = round_cluster(4);
    cluster.nics_per_node = c.nics;
    const StageCosts stage = training(cluster, small_gpt(), parallel(c.tensor, 1, c.data)).stages.at(0);
    const double bytes = static_cast<double>(stage.gradients.count());
    const double n = c.data;
    const double nanoseconds = 2 * (n - 1) / n * bytes / c.rate + 2 * (n - 1) * c.latency * 1000;
    CHECK(std::abs(static_cast<double>(stage.duration(OpKind::GradientReduction).count()) - nanoseconds) < 1);
  }
}

TEST_CASE("a ring over nodes is not faster than NVLink, where a node has two of its GPUs") {
  Cluster cluster = round_cluster(2);
  cluster.nvlink.bandwidth = BytesPerSecond(300'000'000'000);
  const StageCosts stage = training(cluster, small_gpt(), parallel(1, 1, 16)).stages.at(0);
  const double nanoseconds = 2 * 15.0 / 16 * static_cast<double>(stage.gradients.count()) / 300 + 30 * 4000;
  CHECK(std::abs(static_cast<double>(stage.duration(OpKind::GradientReduction).count()) - nanoseconds) < 1);
}

TEST_CASE("one replica reduces nothing, and inference has no gradients") {
  CHECK(
      training(round_cluster(1), small_gpt(), parallel(8, 1)).stages[0].duration(OpKind::GradientReduction) ==
      Time(0));
  CHECK(inference(round_cluster(1), small_gpt(), parallel(1, 1, 8), 1)
            .stages[0]
            .duration(OpKind::GradientReduction) == Time(0));
}

TEST_CASE("the slowest rank's links stand for every stage") {
  // D = 3, P = 3 on nodes of 8: ranks 0 and 1 lie in node 0, rank 2 is GPUs 6 7 8 on two nodes.
  const auto stages = training(round_cluster(2), small_gpt(), parallel(1, 3, 3)).stages;
  const double bytes = static_cast<double>(stages[1].gradients.count());
  CHECK(std::abs(static_cast<double>(stages[1].duration(OpKind::GradientReduction).count()) -
                 (4.0 / 3 * bytes / 50 + 4 * 4000)) < 1);
}

TEST_CASE("ZeRO leaves at the end of a step what it has not exchanged for every micro-batch") {
  // Two layers of 12 h^2 + 13 h parameters. Ring over 8 on NVLink, each half 7/8 of the bytes at 400 GB/s + 7
  // us: 4-byte gradients, 2-byte weights.
  const double parameters = 2 * (12 * 1024.0 * 1024 + 13 * 1024);
  const auto half = [&](double each) { return 7.0 / 8 * parameters * each / 400 + 7000; };
  const double reduction[] = {2 * half(4), half(4), 0, 0};
  const double gather[] = {0, half(2), half(2), 0};
  for (std::uint32_t stage = 0; stage <= 3; ++stage) {
    CAPTURE(stage);
    Parallelism p = parallel(1, 3, 8);
    p.zero_stage = stage;
    const StageCosts middle = training(round_cluster(3), small_gpt(), p).stages.at(1);
    CHECK(std::abs(static_cast<double>(middle.duration(OpKind::GradientReduction).count()) -
                   reduction[stage]) < 1);
    CHECK(std::abs(static_cast<double>(middle.duration(OpKind::ParameterGather).count()) - gather[stage]) <
          1);
  }
}

TEST_CASE("each bucket of gradients is a collective with latencies of its own") {
  // Two layers of 12 h^2 + 13 h parameters, 100,769,792 bytes of gradients: 5 buckets of at most 25 MB. Each
  // is a ring all-reduce over 8 on NVLink: 14 hops of 1 us beside what all bytes take.
  ModelInput input{round_cluster(3), small_gpt()};
  input.training.gradient_bucket = Bytes(25'000'000);
  const StageCosts stage = make_workload(input, parallel(1, 3, 8), {.ranks = 3, .stages = 3}).stages.at(1);
  const double bytes = 4 * 2 * (12 * 1024.0 * 1024 + 13 * 1024);
  CHECK(stage.gradient_buckets == 5);
  CHECK(std::abs(static_cast<double>(stage.duration(OpKind::GradientReduction).count()) -
                 (2 * 7.0 / 8 * bytes / 400 + 5 * 14 * 1000)) < 2);
}

TEST_CASE("from ZeRO 2 on there is nothing to cut into buckets at the end of a step") {
  ModelInput input{round_cluster(3), small_gpt()};
  Parallelism p = parallel(1, 3, 8);
  p.zero_stage = 2;
  const auto refused = [&] {
    return where_of([&] { return make_workload(input, p, {.ranks = 3, .stages = 3}); });
  };
  input.training.overlap_gradients = true;
  CHECK(refused() == "/training/overlap_gradients");
  input.training = {.gradient_bucket = Bytes(1)};
  CHECK(refused() == "/training/gradient_bucket");
  input.training = {};
  CHECK(refused() == "no error");
}

TEST_CASE("more buckets than anyone wants are refused, not thinned out") {
  // 100,769,792 bytes of gradients in buckets of 1007 are 100,070.
  ModelInput input{round_cluster(3), small_gpt()};
  input.training.gradient_bucket = Bytes(1007);
  CHECK(where_of([&] { return make_workload(input, parallel(1, 3, 8), {.ranks = 3, .stages = 3}); }) ==
        "/training/gradient_bucket");
}

TEST_CASE("routed experts are reduced over their own copies, which lie a whole set of experts apart") {
  // 16 GPUs share out 8 experts twice: each expert is on GPU g of node 0 and of node 1, eight rings of two on
  // eight NICs. All else is on 16 GPUs: one ring on eight NICs, 400 GB/s.
  Transformer model = small_gpt();
  model.experts = Experts{.count = 8, .per_token = 2, .ffn_hidden = 512, .dense_layers = 5};
  Parallelism p = parallel(1, 1, 16);
  p.expert = 8;
  const StageCosts stage = training(round_cluster(2), model, p).stages.at(0);
  const double routed = 4 * 2.0 * 1024 * 512;  // bytes of one expert: up and down
  const double dense = static_cast<double>(stage.gradients.count()) - routed;
  const double nanoseconds = (2 * 15.0 / 16 * dense / 400 + 30 * 4000) + (routed / 50 + 2 * 4000);
  CHECK(std::abs(static_cast<double>(stage.duration(OpKind::GradientReduction).count()) - nanoseconds) < 1);
}

}  // namespace
}  // namespace ppsim::gradient_reduction_test
