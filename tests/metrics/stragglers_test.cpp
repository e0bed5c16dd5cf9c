// What a slow GPU or a bad link does to a run.
#include "ppsim/model/costs/stragglers.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "metrics/runs.hpp"
#include "ppsim/metrics/report.hpp"

namespace ppsim::test::stragglers_test {
namespace {

Workload workload_of(const CostsInput& costs, std::uint32_t ranks, const Stragglers& stragglers) {
  Workload workload = make_workload(costs, {ranks, ranks, {}}, ranks);
  add_stragglers(workload, stragglers, ranks);
  return workload;
}

Time makespan(const SmallRun& run) {
  return *std::max_element(run.timeline.finish.begin(), run.timeline.finish.end());
}

TEST_CASE("one slow rank sets the pace of all of 1F1B") {
  // The last rank works without a pause from its first F on, where it is the slowest: F reaches it after
  // (P-1) F, its last B is followed by (P-1) B. With all ranks alike this is (M + P - 1)(F + B).
  for (std::uint32_t P = 2; P <= 6; ++P) {
    for (std::uint32_t M = P; M <= 3 * P; ++M) {
      CAPTURE(P);
      CAPTURE(M);
      for (const auto& [factor, slow] : {std::pair{1.0, 30}, {0.5, 60}, {0.1, 300}}) {
        const Stragglers stragglers{{{Rank{P - 1}, factor}}, {}};
        const SmallRun run =
            run_schedule(registered("1f1b", {P, M, 1}), workload_of(free_transfers(), P, stragglers));
        CHECK(makespan(run) == Time(std::int64_t{M} * slow + (P - 1) * 30));
      }
      Stragglers all;
      for (std::uint32_t rank = 0; rank < P; ++rank) all.gpus.push_back({Rank{rank}, 0.5});
      const SmallRun run = run_schedule(registered("1f1b", {P, M, 1}), workload_of(free_transfers(), P, all));
      CHECK(makespan(run) == Time((M + P - 1) * 60));
    }
  }
}

TEST_CASE("a slow rank is a stage that costs more, whatever the schedule") {
  for (const char* name : {"gpipe", "1f1b", "zb-h1", "naive"}) {
    for (std::uint32_t slow = 0; slow < 4; ++slow) {
      CAPTURE(name);
      CAPTURE(slow);
      CostsInput given = hops();
      given.forward.assign(4, Time(10));
      given.backward.assign(4, Time(20));
      given.forward[slow] = Time(40);
      given.backward[slow] = Time(80);
      const SmallRun expected = run_registered(name, {4, 8, 1}, given);
      const SmallRun run =
          run_schedule(registered(name, {4, 8, 1}), workload_of(hops(), 4, {{{Rank{slow}, 0.25}}, {}}));
      CHECK(run.timeline == expected.timeline);
    }
  }
}

TEST_CASE("where a stage lies on two ranks only the slow one's part is slow") {
  const SmallRun run = run_schedule(registered("dualpipe", {4, 8, 1}),
                                    workload_of(free_transfers(), 4, {{{Rank{1}, 0.5}}, {}}));
  for (std::size_t rank = 0; rank < 4; ++rank) {
    for (VertexId v = run.graph.rank_begin()[rank]; v < run.graph.rank_begin()[rank + 1]; ++v) {
      Time plain{};
      for (const Op op : run.graph.ops(v))
        plain += op.kind == OpKind::Forward || op.kind == OpKind::WeightGrad || op.kind == OpKind::InputGrad
                     ? Time(10)
                     : Time(20);
      CHECK(run.graph.durations()[v] == (rank == 1 ? 2 * plain : plain));
    }
  }
}

TEST_CASE("a pair whose time is given is as slow as its rank") {
  CostsInput costs = free_transfers();
  costs.pair = Time(24);
  const SmallRun run =
      run_schedule(registered("dualpipe", {4, 8, 1}), workload_of(costs, 4, {{{Rank{1}, 0.5}}, {}}));
  const VertexId begin = run.graph.rank_begin()[1], end = run.graph.rank_begin()[2];
  std::size_t pairs = 0;
  for (VertexId v = begin; v < end; ++v) {
    if (run.graph.ops(v).size() < 2) continue;
    ++pairs;
    CHECK(run.graph.durations()[v] == Time(48));
  }
  CHECK(pairs > 0);
}

TEST_CASE("a bad link slows what crosses it in its direction, and no latency") {
  // F 10, B 20, hops of 2 + 3 ns over three ranks, one micro-batch: 3 x 30 + 4 x 5. A third of the bandwidth
  // makes one hop 2 + 9.
  const auto run_with = [](const LinkFactors& links, Contention contention) {
    return run_schedule(registered("1f1b", {3, 1, 1}), workload_of(hops(), 3, {{}, links}),
                        Communication::Overlap, contention);
  };
  const double third = 1.0 / 3;
  for (const Contention contention : all_contentions()) {
    CHECK(makespan(run_with({}, contention)) == Time(110));
    CHECK(makespan(run_with({{"rank 1 -> rank 2", third}}, contention)) == Time(116));
    CHECK(makespan(run_with({{"rank 1 -> rank 2", third}, {"rank 2 -> rank 1", third}}, contention)) ==
          Time(122));
    CHECK(makespan(run_with({{"rank 2 -> rank 0", third}}, contention)) == Time(110));  // nothing crosses it
  }
}

// 2 nodes of 8 GPUs that compute at 100 TFLOP/s; T 8, P 2.
Workload cluster_workload(std::uint32_t nics, const Stragglers& stragglers) {
  Cluster cluster;
  cluster.nodes = 2;
  cluster.gpus_per_node = 8;
  cluster.gpu.name = "round GPU";
  cluster.gpu.peak[static_cast<std::size_t>(Dtype::Bf16)] = FlopsPerSecond(100e12);
  cluster.gpu.memory = Bytes(80'000'000'000);
  cluster.gpu.memory_bandwidth = BytesPerSecond(2'000'000'000'000);
  cluster.gpu.matmul_efficiency.points = {{Flops(0), 1}};
  cluster.nvlink = {BytesPerSecond(400'000'000'000), Time(1000)};
  cluster.infiniband = {BytesPerSecond(40'000'000'000), Time(4000)};
  cluster.nics_per_node = nics;
  Transformer model;
  model.layers = 4;
  model.hidden = 1024;
  model.heads = model.kv_heads = 16;
  model.ffn_hidden = 4096;
  model.sequence_length = 512;
  model.vocabulary = 8192;
  Parallelism parallelism;
  parallelism.tensor = 8;
  parallelism.pipeline = 2;
  Workload workload = make_workload({cluster, model}, parallelism, {.ranks = 2, .stages = 2});
  add_stragglers(workload, stragglers, cluster, parallelism);
  return workload;
}

Time transmission_of(const OpGraph& graph, Rank from) {
  for (const TransferClass& transfer : graph.transfer_classes())
    if (transfer.from == from) return transfer.transmission;
  return {};
}

TEST_CASE("a transfer over several links takes what the slowest one does, shared by its flows") {
  const Schedule schedule = registered("1f1b", {2, 4, 1});
  for (const std::uint32_t nics : {8U, 4U, 1U}) {
    CAPTURE(nics);
    const Bytes bytes = cluster_workload(nics, {}).stages[0].forward_transfer;
    const auto graph_with = [&](const LinkFactors& links) {
      return build_graph(schedule, cluster_workload(nics, {{}, links}), Communication::Overlap);
    };
    const OpGraph plain = graph_with({});
    // 8 GPUs share the NICs: 40, 20 or 5 GB/s each.
    CHECK(transmission_of(plain, Rank{0}) == bytes / BytesPerSecond(5'000'000'000 * std::int64_t{nics}));
    const OpGraph bad = graph_with({{"node 1 NIC 0 in", 0.25}});
    CHECK(transmission_of(bad, Rank{0}) == bytes / BytesPerSecond(1'250'000'000 * std::int64_t{nics}));
    CHECK(transmission_of(bad, Rank{1}) == transmission_of(plain, Rank{1}));  // the other way it is out
  }
}

TEST_CASE("slow GPUs stretch what is computed, slow links the collectives, each alone") {
  const Schedule schedule = registered("1f1b", {2, 4, 1});
  const Workload plain = cluster_workload(8, {});
  const StageCosts& stage = plain.stages[1];
  const double comm = static_cast<double>(stage.ops[OpKind::Forward].tensor_comm.count());
  const double compute = static_cast<double>(stage.duration(OpKind::Forward).count()) - comm;
  REQUIRE(comm > 0);
  const auto duration_with = [&](const Stragglers& stragglers) {
    const OpGraph graph = build_graph(schedule, cluster_workload(8, stragglers), Communication::Overlap);
    return graph.durations()[graph.rank_begin()[1]];
  };
  const LinkFactors half{{"node 1 GPU 3 NVLink out", 0.5}};
  CHECK(duration_with({}) == stage.duration(OpKind::Forward));
  CHECK(duration_with({{{GpuPlace{1, 3}, 0.8}}, {}}) == round_to_time(compute / 0.8 + comm));
  CHECK(duration_with({{}, half}) == round_to_time(compute + 2 * comm));
  CHECK(duration_with({{{GpuPlace{1, 3}, 0.8}}, half}) == round_to_time(compute / 0.8 + 2 * comm));
  CHECK(duration_with({{{GpuPlace{0, 3}, 0.8}}, {}}) == stage.duration(OpKind::Forward));  // another rank's
}

TEST_CASE("the report counts collectives as long as they take") {
  const Schedule schedule = registered("1f1b", {2, 4, 1});
  const auto comm_with = [&](const Stragglers& stragglers) {
    const SmallRun run = run_schedule(schedule, cluster_workload(8, stragglers));
    return make_report(run.schedule, run.workload, run.graph, run.bubbles(), run.memory());
  };
  const Report plain = comm_with({});
  const Report bad = comm_with({{}, {{"node 1 GPU 3 NVLink out", 0.5}}});
  CHECK(bad.per_rank[0].tensor_comm == plain.per_rank[0].tensor_comm);
  CHECK(bad.per_rank[1].tensor_comm == 2 * plain.per_rank[1].tensor_comm);
  CHECK(bad.per_rank[1].bubbles.busy == plain.per_rank[1].bubbles.busy + plain.per_rank[1].tensor_comm);
}

}  // namespace
}  // namespace ppsim::test::stragglers_test
