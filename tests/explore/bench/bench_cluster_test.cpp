#include "explore/bench/bench_cluster.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "explore/folder.hpp"
#include "output/config/cluster_section.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/explore/run/describe.hpp"
#include "ppsim/input/config/config.hpp"

namespace ppsim::bench_cluster_test {
namespace {

using Times = std::vector<std::vector<Time>>;

// Two nodes of two ranks. Inside 1 us + bytes at 1 GB/s, between 20 us + bytes at 100 MB/s, both ways 80
// MB/s, and all pairs at once twice as long as that.
Time one_way(LinkScope scope, LinkLoad load, Bytes size) {
  const bool between = scope == LinkScope::Between;
  const Time latency(between ? 20'000 : 1'000);
  if (load == LinkLoad::Alone) return latency + size / BytesPerSecond(between ? 100'000'000 : 1'000'000'000);
  const Time both = latency + size / BytesPerSecond(between ? 80'000'000 : 1'000'000'000);
  return load == LinkLoad::AllPairs ? 2 * both : both;
}

const NodeMap kNodes{{"a", "b"}, 2, 2};

BenchPlan plan_of() {
  return {{{Bytes(0), Bytes(1'000), Bytes(10'000), Bytes(100'000), Bytes(1'000'000)}, Time(1)},
          {{10, 10, 10}, {100, 100, 100}},
          Time(1),
          {},
          "host-mpi over Some MPI v1"};
}

// Of three repeats one is late.
BenchSamples samples_of(const BenchPlan& plan) {
  BenchSamples samples{kNodes, {"a core", Bytes(1'000'000'000), Dtype::Fp32}, {}, {}, {}};
  for (const LinkScope scope : {LinkScope::Inside, LinkScope::Between}) {
    for (const LinkLoad load : {LinkLoad::Alone, LinkLoad::BothWays, LinkLoad::AllPairs}) {
      const std::vector<LinkPair> pairs = pairs_of(kNodes, scope, load);
      for (const Bytes size : plan.links.sizes) {
        const Time time = one_way(scope, load, size);
        if (pairs.empty() || (size == Bytes(0) && load != LinkLoad::Alone)) continue;
        samples.links.push_back({scope, load, size, pairs, Times(pairs.size(), {time, 9 * time, time})});
      }
    }
  }
  // 2,000 FLOPs in 10 us and 2,000,000 in 1 ms: 0.2 and 2 GFLOP/s, on two ranks of four half as fast.
  samples.products = {{{10, 10, 10}, Times(4, std::vector<Time>(3, Time(10'000)))},
                      {{100, 100, 100}, Times(4, std::vector<Time>(3, Time(1'000'000)))}};
  samples.copies = std::vector<BytesPerSecond>(4, BytesPerSecond(5'000'000'000));
  return samples;
}

TEST_CASE("medians and fits make the cluster that was measured") {
  const MeasuredCluster measured = make_measured_cluster(samples_of(plan_of()), plan_of());
  const Cluster& cluster = measured.cluster;
  CHECK(cluster.nodes == 2);
  CHECK(cluster.gpus_per_node == 2);
  CHECK(static_cast<double>(cluster.nvlink.bandwidth.count()) == doctest::Approx(1e9).epsilon(1e-6));
  CHECK(cluster.nvlink.latency == Time(1'000));
  CHECK(static_cast<double>(cluster.infiniband.bandwidth.count()) == doctest::Approx(8e7).epsilon(1e-6));
  CHECK(cluster.infiniband.latency == Time(20'000));
  CHECK(cluster.nics_per_node == 1);
  CHECK(cluster.gpu.peak[static_cast<std::size_t>(Dtype::Fp32)]->count() == doctest::Approx(2e9));
  CHECK(cluster.gpu.matmul_efficiency.at(Flops(2'000)) == doctest::Approx(0.1));
  CHECK(measured.between->times.empty == Time(20'000));
}

TEST_CASE("what a reader should know is said in notes") {
  const MeasuredCluster measured = make_measured_cluster(samples_of(plan_of()), plan_of());
  CHECK(measured.notes ==
        std::vector<std::string>{
            "between nodes: with both directions busy each has 80 % of the bandwidth that it has alone; the "
            "cluster "
            "takes it",
            "between nodes: all 2 ranks of a node at once take 2.00 times as long as one: 1 NIC a node"});
}

TEST_CASE("a pair that is slower than the others is named") {
  const BenchPlan plan = plan_of();
  BenchSamples samples = samples_of(plan);
  for (LinkSamples& one : samples.links)
    if (one.scope == LinkScope::Inside && one.size == Bytes(1'000'000) && one.load == LinkLoad::BothWays)
      for (Time& time : one.times[1]) time *= 3;
  const MeasuredCluster measured = make_measured_cluster(samples, plan);
  // Of one and three times as long the middle is two.
  CHECK(measured.notes.front() ==
        "inside a node: b take 1.50 times what the median pair does: is one of their links bad?");
}

TEST_CASE("times that do not grow with size are noted") {
  const BenchPlan plan = plan_of();
  BenchSamples samples = samples_of(plan);
  for (LinkSamples& one : samples.links)
    if (one.scope == LinkScope::Between) one.times.assign(one.pairs.size(), {Time(5'000)});
  const MeasuredCluster measured = make_measured_cluster(samples, plan);
  CHECK(measured.cluster.infiniband.latency == Time(0));
  // 1 MB in 5 us; so 1,000 B would take 5 ns.
  CHECK(measured.cluster.infiniband.bandwidth == BytesPerSecond(200'000'000'000));
  CHECK(measured.notes.front().starts_with("between nodes: latency + bytes / bandwidth is up to 100 % off"));
}

TEST_CASE("simulate reads the section, to five digits") {
  const MeasuredCluster measured = make_measured_cluster(samples_of(plan_of()), plan_of());
  const Folder folder;
  (void)folder.write("cluster.json", cluster_section(measured));
  const std::string path = folder.write("config.json", R"({
    "cluster": "cluster.json", "parallelism": {"pipeline": 4, "micro_batches": 4}, "schedule": {"name": "1f1b"},
    "model": {"layer_costs": [{"repeat": 4, "forward": "0.002 GFLOP", "backward": "0.004 GFLOP", "activation": "1 kB",
                               "output": "1 kB", "parameters": 0}], "dtype": "fp32"}})");
  const Config config = load_config(path);
  const Cluster& read = std::get<ModelInput>(config.input).cluster;
  const Cluster& made = measured.cluster;
  CHECK(read.nodes == made.nodes);
  CHECK(read.nics_per_node == made.nics_per_node);
  CHECK(read.nvlink.latency == made.nvlink.latency);
  CHECK(static_cast<double>(read.infiniband.bandwidth.count()) ==
        doctest::Approx(static_cast<double>(made.infiniband.bandwidth.count())).epsilon(1e-4));
  CHECK(read.gpu.memory == made.gpu.memory);
  CHECK(read.gpu.matmul_efficiency.points.size() == made.gpu.matmul_efficiency.points.size());
  CHECK(read.source == made.source);
  CHECK(read.source.find("host-mpi over Some MPI v1, 2 ranks a node on 2 nodes (a, b)") != std::string::npos);
}

TEST_CASE("one rank a node has no link inside, and one node none between") {
  const BenchPlan plan = plan_of();
  BenchSamples samples = samples_of(plan);
  std::erase_if(samples.links, [](const LinkSamples& one) { return one.scope == LinkScope::Inside; });
  const MeasuredCluster measured = make_measured_cluster(samples, plan);
  CHECK_FALSE(measured.inside);
  CHECK(cluster_section(measured).find("nvlink") == std::string::npos);
  CHECK(cluster_section(measured).find("nics_per_node") != std::string::npos);
}

TEST_CASE("figures stand for the types of number of the model, and the notes say so") {
  BenchPlan plan = plan_of();
  plan.dtypes = describe_dtypes(load_config("configs/seed_4x8.json"));
  const MeasuredCluster measured = make_measured_cluster(samples_of(plan), plan);
  CHECK(measured.cluster.gpu.peak[static_cast<std::size_t>(Dtype::Bf16)]);
  CHECK(measured.notes.back() == "products were measured in fp32, and stand for bf16 too");
}

TEST_CASE("a model's products are the shapes, and what has none is refused") {
  const std::vector<ProductShape> shapes = shapes_of(describe_products(load_config("configs/seed_4x8.json")));
  CHECK(shapes.size() > 4);
  CHECK_THROWS_AS((void)describe_products(load_config("configs/reference_8x64.json")), Error);
}

}  // namespace
}  // namespace ppsim::bench_cluster_test
