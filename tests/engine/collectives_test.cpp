// Collectives on the links that transfers use too, and replicas by themselves.
#include <doctest/doctest.h>

#include <rapidcheck.h>

#include <algorithm>

#include "cases.hpp"
#include "model/presets.hpp"
#include "ppsim/engine/simulate.hpp"
#include "two_by_two.hpp"

namespace ppsim::collectives_test {
namespace {

constexpr LinkSharing kOnLinks{.collectives = true};

TEST_CASE("a collective and a transfer on one port share it, and the action ends later by what it lost") {
  // Rank 0, F0: 0-20. Its bytes move from 20 on, alone until 26, when F1's first collective comes: 4 bytes of
  // each are left, at half the rate both end at 34, 4 later than alone. F1 goes on: compute to 40, its second
  // collective alone to 44.
  // Rank 1, F0 from 34: compute, collective 40-44, compute 44-50; F1's bytes arrive meanwhile, 44-54 alone.
  // Its second collective and they have 4 bytes left each at 50, and end at 58. Then F1 runs alone, to 78.
  const Schedule schedule = make_schedule("gpipe", {2, 2, 1});
  const Workload workload = two_by_two();
  const OpGraph graph = build_graph(schedule, workload, Communication::Overlap, {}, kOnLinks);
  const Timeline timeline = simulate(graph, Contention("fair"));
  CHECK(timeline.finish[0] == Time(20));
  CHECK(timeline.finish[1] == Time(44));
  const VertexId second = graph.rank_begin()[1];
  CHECK(timeline.start[second] == Time(34));
  CHECK(timeline.finish[second] == Time(58));
  CHECK(timeline.start[second + 1] == Time(58));
  CHECK(timeline.finish[second + 1] == Time(78));
  // Where nothing is shared: F0 0-20, 30-50; F1 20-40, 50-70.
  const Timeline alone =
      simulate(build_graph(schedule, workload, Communication::Overlap), Contention("none"));
  CHECK(alone.start[second] == Time(30));
  CHECK(alone.finish[second + 1] == Time(70));
}

TEST_CASE("collectives that meet nothing stay a part of their actions, and cost the engine nothing") {
  Workload workload = two_by_two();
  for (StageCosts& stage : workload.stages) stage.forward_transfer = stage.backward_transfer = Bytes(0);
  const OpGraph together =
      build_graph(make_schedule("gpipe", {2, 2, 1}), workload, Communication::Overlap, {}, kOnLinks);
  CHECK(together.collectives()[0] != kNoCollective);  // a transfer of no bytes still has its route
  const OpGraph one = build_graph(
      make_schedule("gpipe", {1, 2, 1}),
      {.stages = {workload.stages[0]}, .network = Network::of_cluster(round_cluster(1), parallel(2, 1))},
      Communication::Overlap, {}, kOnLinks);
  CHECK(std::all_of(one.collectives().begin(), one.collectives().end(),
                    [](std::uint32_t kind) { return kind == kNoCollective; }));
}

struct RandomModelRun {
  Schedule schedule;
  Workload workload;
};

// Sizes that divide one another: every replica sees links as every other does.
RandomModelRun random_model_run() {
  const auto any = [](std::initializer_list<std::uint32_t> values) {
    return *rc::gen::elementOf(std::vector<std::uint32_t>(values));
  };
  Cluster cluster = round_cluster(32);
  cluster.nics_per_node = any({1, 2, 4, 8});
  cluster.nvlink.bandwidth = BytesPerSecond(any({40, 400}) * 1'000'000'000LL);
  Parallelism p = parallel(any({1, 2, 4}), any({1, 2, 4}), any({1, 2, 4, 8}));
  p.context = any({1, 1, 2});
  p.micro_batches = any({1, 3, 8});
  p.zero_stage = any({0, 0, 1, 2, 3});
  p.collectives = static_cast<CollectiveAlgorithm>(any({0, 1, 2, 3}));
  ModelInput input{cluster, small_gpt()};
  if (any({0, 1}) == 1) {
    std::get<Transformer>(input.model).experts = Experts{.count = 8, .per_token = 2, .ffn_hidden = 1024};
    p.expert = any({1, 2, 4});
    if (p.tensor * p.replicas() % (p.tensor * p.expert) != 0) p.expert = 1;
  }
  input.training.overlap_gradients = p.zero_stage < 2 && any({0, 1}) == 1;
  if (p.zero_stage < 2 && any({0, 1}) == 1) input.training.gradient_bucket = Bytes(10'000'000);
  const std::uint32_t chunks = any({1, 2});
  if (6 % (p.pipeline * chunks) != 0) p.layers_per_stage = {};
  const RunShape shape{.ranks = p.pipeline, .stages = p.pipeline * chunks};
  std::get<Transformer>(input.model).layers = 8;
  Workload workload = make_workload(input, p, shape);
  const std::uint32_t batches = p.pipeline * p.micro_batches;
  return {make_schedule(chunks == 1 ? "1f1b" : "interleaved", {p.pipeline, batches, chunks}),
          std::move(workload)};
}

TEST_CASE("a collective takes its formula's time alone, and under load nothing ends earlier") {
  CHECK(rc::check("load", [] {
    const auto [schedule, workload] = random_model_run();
    const OpGraph graph = build_graph(schedule, workload, Communication::Overlap, {}, kOnLinks);
    const OpGraph plain = build_graph(schedule, workload, Communication::Overlap);
    const Timeline fair = simulate(graph, Contention("fair")), none = simulate(plain, Contention("none"));
    for (VertexId v = 0; v < plain.vertex_count(); ++v) {
      RC_ASSERT(fair.finish[v] - fair.start[v] >= plain.durations()[v]);
      RC_ASSERT(fair.finish[v] >= none.finish[v]);
    }
    if (schedule.ranks() == 1 && !workload.overlap_gradients) RC_ASSERT(fair.finish == none.finish);
  }));
}

TEST_CASE("replicas that are alike end as one that stands for all of them") {
  CHECK(rc::check("folding", [] {
    const auto [schedule, workload] = random_model_run();
    const auto communication = *rc::gen::element(Communication::Overlap, Communication::Blocking);
    for (const Contention contention : all_contentions()) {
      const LinkSharing& links = contention.info().sharing;
      if (links.replicas == ReplicaSharing::Queued)
        continue;  // alone, one replica never queues behind another
      const OpGraph folded = build_graph(schedule, workload, communication, {}, links);
      const OpGraph full = build_replicas(schedule, workload, communication, {}, links);
      RC_ASSERT(full.vertex_count() == folded.vertex_count() * workload.network.replicas());
      RC_ASSERT(last_replica(full, simulate(full, contention)) == simulate(folded, contention));
    }
  }));
}

TEST_CASE("a replica that is slow by itself is waited for where gradients are reduced, and nowhere else") {
  // Two replicas of one rank, F 10 and B 20; the second computes at half the speed: 60. Both reduce 60-72.
  Workload workload{.stages = {}, .network = Network::of_cluster(round_cluster(1), parallel(1, 1, 2))};
  StageCosts stage;
  stage.ops[OpKind::Forward].duration = Time(10);
  stage.ops[OpKind::Backward].duration = Time(20);
  stage.ops[OpKind::GradientReduction].duration = Time(12);
  workload.stages = {stage};
  workload.rank_speeds = {{.compute = 0.5}};
  workload.replica_speeds = {{}, {.compute = 0.5}};
  const Schedule schedule = make_schedule("1f1b", {1, 1, 1});
  const OpGraph full = build_replicas(schedule, workload, Communication::Overlap, {}, {});
  const Timeline timeline = simulate(full, Contention("none"));
  CHECK(timeline.start == std::vector<Time>{Time(0), Time(10), Time(60), Time(0), Time(20), Time(60)});
  // Both end at 72; the second is the one that was waited for.
  CHECK(last_replica(full, timeline).finish == std::vector<Time>{Time(20), Time(60), Time(72)});
}

TEST_CASE("groups that straddle replicas bind all of them that they chain together") {
  // T 4, D 3, experts in blocks of 6 GPUs: 0-5 and 6-11, of which replica 1 (4-7) is in both. Of 8: 4 x 2.
  Parallelism p = parallel(4, 2, 3);
  p.expert = 3;
  p.expert_tensor = 2;
  CHECK(Network::of_cluster(round_cluster(3), p).partners(GroupKind::Expert) == 3);
  CHECK(Network::of_cluster(round_cluster(3), p).partners(GroupKind::Tensor) == 1);
  p.data = 4;
  p.expert = 4;
  CHECK(Network::of_cluster(round_cluster(4), p).partners(GroupKind::Expert) == 2);
  CHECK(Network::of_cluster(round_cluster(4), p).partners(GroupKind::Replicas) == 4);
}

TEST_CASE("where NICs are queues, the uplinks that are none are shared all the same") {
  // Two nodes, a leaf each, 8 x 50 / 4 = 100 GB/s up. Eight replicas of one GPU, a NIC each: alone on its NIC
  // a replica has 50 GB/s, of the uplink an eighth, 12.5 GB/s: 1.25 MB in 100 us.
  Cluster cluster = round_cluster(2);
  cluster.fabric = Fabric{.nodes_per_leaf = 1, .oversubscription = 4};
  Workload workload{.stages = {}, .network = Network::of_cluster(cluster, parallel(1, 2, 8))};
  StageCosts stage;
  stage.ops[OpKind::Forward].duration = stage.ops[OpKind::Backward].duration = Time(1000);
  stage.forward_transfer = Bytes(1'250'000);
  workload.stages = {stage, stage};
  const auto transmission = [&](ReplicaSharing sharing) {
    return build_replicas(make_schedule("1f1b", {2, 1, 1}), workload, Communication::Overlap, {},
                          {.replicas = sharing})
        .transfer_classes()[0]
        .transmission;
  };
  CHECK(transmission(ReplicaSharing::Static) == Time(100'000));
  CHECK(transmission(ReplicaSharing::Queued) == Time(100'000));
  CHECK(transmission(ReplicaSharing::Dynamic) == Time(25'000));
  // Without a fabric nothing but the NIC is on the way.
  cluster.fabric.reset();
  workload.network = Network::of_cluster(cluster, parallel(1, 2, 8));
  CHECK(transmission(ReplicaSharing::Queued) == Time(25'000));
}

}  // namespace
}  // namespace ppsim::collectives_test
