#include "ppsim/model/costs/stragglers.hpp"

#include <doctest/doctest.h>

#include "model/presets.hpp"

namespace ppsim::stragglers_test {
namespace {

// 4 nodes of 8 GPUs, a NIC each.
Workload with(const Stragglers& stragglers, const Parallelism& parallelism) {
  const Cluster cluster = round_cluster(4);
  Workload workload = training(cluster, small_gpt(), parallelism);
  add_stragglers(workload, stragglers, cluster, parallelism);
  return workload;
}

std::vector<RankSpeed> speeds(std::uint32_t ranks, std::size_t rank, const RankSpeed& speed) {
  std::vector<RankSpeed> result(ranks);
  result[rank] = speed;
  return result;
}

TEST_CASE("a rank computes as its slowest GPU, in whichever replica") {
  // T 4, D 2: rank r is node r, GPUs 0-3 its first replica, 4-7 its second.
  const Stragglers one{{{GpuPlace{2, 5}, 0.9}}, {}};
  CHECK(with(one, parallel(4, 4, 2)).rank_speeds == speeds(4, 2, {0.9, 1, 1}));
  const Stragglers two{{{GpuPlace{2, 5}, 0.9}, {GpuPlace{2, 0}, 0.8}, {Rank{2}, 0.95}}, {}};
  CHECK(with(two, parallel(4, 4, 2)).rank_speeds == speeds(4, 2, {0.8, 1, 1}));
  // T 16: rank 1 is nodes 2 and 3.
  CHECK(with(two, parallel(16, 2)).rank_speeds == speeds(2, 1, {0.8, 1, 1}));
}

TEST_CASE("parts of a sequence are replicas of a rank too") {
  // T 4, C 2: rank 1 is node 1, GPUs 4-7 its second part.
  Parallelism p = parallel(4, 4);
  p.context = 2;
  CHECK(with({{{GpuPlace{1, 5}, 0.9}}, {}}, p).rank_speeds == speeds(4, 1, {0.9, 1, 1}));
  CHECK(with({{}, {{"node 1 GPU 5 NVLink in", 0.5}}}, p).rank_speeds == speeds(4, 1, {1, 0.5, 0.5}));
}

TEST_CASE("of each replica by itself, only the one that holds a slow GPU or link is slow") {
  // T 4, D 2: rank r is node r, GPUs 0-3 its first replica, 4-7 its second. Both reduce gradients together.
  const Stragglers slow{{{GpuPlace{2, 5}, 0.9}}, {{"node 1 GPU 0 NVLink out", 0.5}}};
  const auto each = with(slow, parallel(4, 4, 2)).replica_speeds;
  REQUIRE(each.size() == 8);
  CHECK(each[1] == RankSpeed{1, 0.5, 0.5});
  CHECK(each[4 + 1] == RankSpeed{1, 1, 0.5});
  CHECK(each[2] == RankSpeed{1, 1, 1});
  CHECK(each[4 + 2] == RankSpeed{0.9, 1, 1});
  CHECK(with({}, parallel(4, 4, 2)).replica_speeds.empty());
}

TEST_CASE("who has no slow GPU, or one that is not used, or one at full speed, keeps his costs") {
  const Stragglers unused{{{GpuPlace{3, 7}, 0.5}}, {{"node 3 GPU 7 NVLink out", 0.5}}};
  CHECK(with(unused, parallel(8, 3)).rank_speeds.empty());
  const Workload plain = with({{{GpuPlace{0, 0}, 1}}, {{"node 0 NIC 0 out", 1}}}, parallel(8, 4));
  CHECK(plain.rank_speeds.empty());
  CHECK(plain.link_factors.empty());
}

TEST_CASE("collectives keep to the slowest link of their rings") {
  struct Case {
    std::uint32_t tensor, pipeline, data;
    const char* link;
    std::size_t rank;
    RankSpeed speed;
  };
  for (const Case& c : std::initializer_list<Case>{
           // Tensor group and replicas in one node: both on NVLink.
           {4, 4, 2, "node 1 GPU 6 NVLink in", 1, {1, 0.5, 0.5}},
           // A replica a node: tensor group on NVLink, gradients on NICs alone.
           {8, 2, 2, "node 3 GPU 6 NVLink out", 1, {1, 0.5, 1}},
           {8, 2, 2, "node 3 NIC 6 out", 1, {1, 1, 0.5}},
           // Two replicas a node, four in all: their rings pass through NVLink and NICs.
           {4, 2, 4, "node 3 GPU 6 NVLink out", 1, {1, 0.5, 0.5}},
           {4, 2, 4, "node 2 NIC 6 in", 1, {1, 1, 0.5}},
           // A tensor group over two nodes: NICs, and NVLink between them.
           {16, 2, 1, "node 1 NIC 0 in", 0, {1, 0.5, 1}},
           {16, 2, 1, "node 1 GPU 0 NVLink in", 0, {1, 0.5, 1}},
       }) {
    CAPTURE(c.link);
    const Workload workload = with({{}, {{c.link, 0.5}}}, parallel(c.tensor, c.pipeline, c.data));
    CHECK(workload.rank_speeds == speeds(c.pipeline, c.rank, c.speed));
    CHECK(workload.link_factors == LinkFactors{{c.link, 0.5}});
  }
  // PCIe is before the NICs too: a tensor group's, and the replicas', a node each.
  Cluster cluster = round_cluster(4);
  cluster.pcie = Pcie{{BytesPerSecond(32'000'000'000), Time(5'000)}, 4};
  const Parallelism p = parallel(8, 2, 2);
  Workload workload = training(cluster, small_gpt(), p);
  add_stragglers(workload, {{}, {{"node 3 GPU 6 PCIe out", 0.5}}}, cluster, p);
  CHECK(workload.rank_speeds == speeds(2, 1, {1, 0.5, 0.5}));
  add_stragglers(workload, {{}, {{"node 0 switch 1 in", 0.25}}}, cluster, p);
  CHECK(workload.rank_speeds == speeds(2, 0, {1, 0.25, 1}));
  // One GPU has no collective.
  CHECK(with({{}, {{"node 0 GPU 0 NVLink in", 0.5}}}, parallel(1, 4)).rank_speeds.empty());
}

TEST_CASE("the report will say who was slow") {
  const Workload workload = with({{{Rank{3}, 0.9}}, {{"node 0 NIC 1 out", 0.25}}}, parallel(8, 4));
  const std::size_t n = workload.assumptions.size();
  CHECK(workload.assumptions[n - 2] ==
        "Ranks that compute at the pace of a slow GPU, a share of the others' speed: rank 3 at 0.9.");
  CHECK(workload.assumptions[n - 1] ==
        "Links that have lost bandwidth, with the share that is left: node 0 NIC 1 out at 0.25.");
}

}  // namespace
}  // namespace ppsim::stragglers_test
