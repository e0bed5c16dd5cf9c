// Each expectation is worked out by hand in the comment above it. F = 10, B = 20; a hop is 5 = latency 2 +
// transmission 3, unless a test says otherwise. "rN" is rank N, "F1 25-35" an op's start and finish in ns.
#include "ppsim/metrics/bubbles.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "metrics/runs.hpp"
#include "ppsim/schedule/text/text.hpp"

namespace ppsim::test::bubbles_test {
namespace {

void check_causes(const Bubbles& bubbles, const std::vector<Causes>& expected) {
  REQUIRE(bubbles.ranks.size() == expected.size());
  for (std::size_t rank = 0; rank < expected.size(); ++rank) {
    CAPTURE(rank);
    for (std::size_t cause = 0; cause < kIdleCauses; ++cause) {
      CAPTURE(name(static_cast<IdleCause>(cause)));
      CHECK(bubbles.ranks[rank].idle_by_cause[cause].count() == expected[rank].times()[cause].count());
    }
  }
}

TEST_CASE("every cause has its own name") {
  std::set<std::string_view> names;
  for (std::size_t cause = 0; cause < kIdleCauses; ++cause) names.insert(name(static_cast<IdleCause>(cause)));
  CHECK(names.size() == kIdleCauses);
  CHECK(name(IdleCause::Warmup) == "warmup");
  CHECK(name(IdleCause::Tail) == "tail");
}

// r0: F0 0-10, F1 10-20, B0 40-60, B1 70-90
// r1: F0 10-20, B0 20-40, F1 40-50, B1 50-70
TEST_CASE("1F1B without hops idles in its ramps only") {
  const Bubbles bubbles = run_registered("1f1b", {2, 2, 1}, free_transfers()).bubbles();
  CHECK(bubbles.makespan == Time(90));
  CHECK(bubbles.busy == Time(120));
  CHECK(bubbles.max_rank_span == Time(90));  // r0: 0-90; r1: 10-70
  CHECK(bubbles.ranks[1].span == Time(60));
  CHECK(bubbles.ranks[0].busy == Time(60));
  CHECK(bubbles.ranks[0].idle == Time(30));
  CHECK(bubbles.bubble_fraction() == doctest::Approx(60.0 / 180));
  CHECK(bubbles.bubble_ratio() == doctest::Approx(60.0 / 120));
  CHECK(bubbles.span_bubble_fraction() == doctest::Approx(60.0 / 180));
  check_causes(bubbles, {{.warmup = 20, .cooldown = 10}, {.warmup = 10, .cooldown = 20}});
}

// r0: F0 0-10, F1 10-20, B0 50-70, B1 90-110; its SEND_F1 stands behind RECV_B0, which ends at 50
// r1: F0 15-25, B0 25-45, F1 55-65, B1 65-85; its RECV_F1 stands behind SEND_B0, whose last byte leaves at 48
// r1 45-55: F1 is made at 20, but moves only 50-55: 5 blocked, then the hop.
TEST_CASE("what a send or receive of the program waits for its turn is blocked time") {
  Schedule schedule = parse_csv(
                          "0F0,0SEND_F0,0F1,0RECV_B0,0SEND_F1,0B0,0RECV_B1,0B1\n"
                          "1RECV_F0,1F0,1B0,1SEND_B0,1RECV_F1,1F1,1B1,1SEND_B1\n",
                          "f.csv")
                          .schedule;
  const Bubbles bubbles =
      run_schedule(std::move(schedule), make_workload(hops(), {2, 2, {}}, 2), Communication::Program)
          .bubbles();
  CHECK(bubbles.makespan == Time(110));
  check_causes(bubbles, {{.warmup = 25, .cooldown = 15, .latency = 4, .bandwidth = 6},
                         {.warmup = 10, .cooldown = 25, .latency = 4, .bandwidth = 6, .blocked = 5}});
}

// r0: F0 0-10, F1 10-20, B0 50-70, B1 80-100
// r1: F0 15-25, B0 25-45, F1 45-55, B1 55-75
// r0 20-50: B0's gradient 45-50 (latency 45-47, transmission 47-50), before it r1 computes from 15 on: 25 of
// warm-up. r0 70-80: gradient 75-80, before it r1's B1: 5 of cool-down. r1 0-15: F0 on r0, then the hop.
TEST_CASE("1F1B with hops idles for latency and bandwidth too") {
  const Bubbles bubbles = run_registered("1f1b", {2, 2, 1}, hops()).bubbles();
  CHECK(bubbles.makespan == Time(100));
  check_causes(bubbles, {{.warmup = 25, .cooldown = 5, .latency = 4, .bandwidth = 6},
                         {.warmup = 10, .cooldown = 25, .latency = 2, .bandwidth = 3}});
}

// r0: F0 0-10, F1 10-20, F2 20-30, B0 90-110, B1 120-140, B2 160-180
// r1: F0 15-25, F1 25-35, B0 65-85, F2 85-95, B1 95-115, B2 135-155
// r2: F0 30-40, B0 40-60, F1 60-70, B1 70-90, F2 100-110, B2 110-130
// r0 30-90: hop 85-90, r1's B0 65-85, hop 60-65, r2's B0 and F0 30-60: 50 of warm-up and two hops.
// r0 110-120, 140-160: a hop behind r1's B1 (5) and B2 (15).
// r1 0-15: F0 and a hop. 35-65: hop 60-65, r2 35-60: 25. 115-135: hop, r2's B2 115-130: 15. From 155: 25.
// r2 0-30: two hops, r0's and r1's F0. From 130: 50.
// r2 90-100 lies between its first backward and last forward: hop 95-100, and r1's F2 90-95 is `dependency`.
TEST_CASE("1F1B over three ranks has a dependency wait in mid-step, though its stages are uniform") {
  const Bubbles bubbles = run_registered("1f1b", {3, 3, 1}, hops()).bubbles();
  CHECK(bubbles.makespan == Time(180));
  check_causes(bubbles, {{.warmup = 50, .cooldown = 20, .latency = 8, .bandwidth = 12},
                         {.warmup = 35, .cooldown = 40, .latency = 6, .bandwidth = 9},
                         {.warmup = 20, .cooldown = 50, .dependency = 5, .latency = 6, .bandwidth = 9}});
}

// r0: F0 0-10, F1 10-20, B0 60-80, B1 80-100
// r1: F0 15-25, F1 25-35, B0 35-55, B1 55-75
// r0 20-60: hop 55-60; r1's B0 and F1 25-55. F1 on r1 waited for F0 there and for its activation, both until
// 25: the lower id is F1 on r0, so the chain goes through the hop 20-25 and not through F0 on r1.
TEST_CASE("of two predecessors that were there last, the chain takes the lower id") {
  const Bubbles bubbles = run_registered("gpipe", {2, 2, 1}, hops()).bubbles();
  CHECK(bubbles.makespan == Time(100));
  check_causes(bubbles, {{.warmup = 30, .latency = 4, .bandwidth = 6},
                         {.warmup = 10, .cooldown = 25, .latency = 2, .bandwidth = 3}});
}

// r0: F0 0-10, B0 40-60, F1 60-70, B1 100-120; r1: F0 10-20, B0 20-40, F1 70-80, B1 80-100
// r0 10-40 ends at its first backward: warm-up. 70-100 begins at its last forward's end: cool-down.
// r1 0-10 warm-up; 40-70 lies between first backward and last forward: dependency; from 100 cool-down.
TEST_CASE("naive waits in mid-step for the other ranks: dependency") {
  const Bubbles bubbles = run_registered("naive", {2, 2, 1}, free_transfers()).bubbles();
  CHECK(bubbles.makespan == Time(120));
  check_causes(bubbles, {{.warmup = 30, .cooldown = 30}, {.warmup = 10, .cooldown = 20, .dependency = 30}});
}

// A send holds its stream for the transmission's 3 from its producer's end.
// r0: F0 0-10 (held to 13), F1 13-23 (to 26), B0 50-70, B1 83-103
// r1: F0 15-25, B0 25-45 (to 48), F1 48-58, B1 58-78 (to 81)
// r0 10-13 and 23-26: blocked. 26-50: hop 45-50, r1's B0 and F0 26-45: 19. 70-83: hop 78-83, r1's B1
// 70-78: 8. r1 0-15: F0, hop. 45-48 and, behind its last op, 78-81: blocked. 81-103: cool-down.
TEST_CASE("a send that holds its stream is blocked time, in the middle and behind the last op") {
  const Bubbles bubbles = run_registered("1f1b", {2, 2, 1}, hops(), Communication::Blocking).bubbles();
  CHECK(bubbles.makespan == Time(103));
  check_causes(bubbles, {{.warmup = 19, .cooldown = 8, .latency = 4, .bandwidth = 6, .blocked = 6},
                         {.warmup = 10, .cooldown = 22, .latency = 2, .bandwidth = 3, .blocked = 6}});
}

// Forward sends take 30, backward ones 1, no latency.
// r0: F0 0-10 (held to 40), F1 40-50 (to 80), B0 141-161, B1 172-192
// r1: F0 40-50 (to 80), F1 80-90 (to 120), B0 120-140 (to 141), B1 151-171 (to 172)
// r2: F0 80-90, B0 90-110 (to 111), F1 120-130, B1 130-150 (to 151)
// r0 10-40, 50-80: blocked. 80-141: hop 140-141, r1's B0 120-140, which had its gradient at 111 but waited
// for its stream: r1's send of F1 90-120 is blocked time of r0 as well; r1's F1 80-90. r0 161-172: hop, r1's
// B1 161-171.
TEST_CASE("a chain goes through another rank's held stream: blocked") {
  Workload workload = make_workload(hops(), {3, 3, {}}, 3);
  workload.network = Network::point_to_point(3, {BytesPerSecond(1'000'000'000), Time(0)});
  for (StageCosts& stage : workload.stages) {
    stage.forward_transfer = Bytes(30);
    stage.backward_transfer = Bytes(1);
  }
  const SmallRun run = run_schedule(registered("1f1b", {3, 2, 1}), workload, Communication::Blocking);
  const Bubbles bubbles = run.bubbles();
  CHECK(bubbles.makespan == Time(192));
  CHECK(bubbles.ranks[0].idle_by_cause ==
        Causes{.warmup = 30, .cooldown = 10, .bandwidth = 2, .blocked = 90}.times());
}

/// Two pipelines of two stages each, both from node 0 to node 1, whose NICs they share: a hop is latency 2 +
/// transmission 5.
SmallRun run_two_pipelines_on_one_nic() {
  Cluster cluster;
  cluster.nodes = 2;
  cluster.gpus_per_node = 2;
  cluster.nics_per_node = 1;
  cluster.nvlink = {BytesPerSecond(1'000'000'000), Time(0)};
  cluster.infiniband = {BytesPerSecond(1'000'000'000), Time(2)};
  Parallelism parallelism;
  parallelism.pipeline = 4;

  CostsInput costs = free_transfers();
  costs.transfer = {Bytes(5)};
  Workload workload = make_workload(costs, {4, 2, {}}, 2);
  workload.network = Network::of_cluster(cluster, parallelism);

  const Placement placement{4, {{Rank{0}, Rank{2}}, {Rank{1}, Rank{3}}}};
  ScheduleWriter writer("two pipelines", placement, 2, 8);
  for (const std::size_t stage : {0, 1}) {
    for (const std::size_t micro_batch : {0, 1}) {
      writer.forward(stage, micro_batch);
      writer.backward(stage, micro_batch);
      writer.next_rank();
    }
  }
  Schedule schedule = std::move(writer).take();
  schedule.directions = {0, 1};
  return run_schedule(std::move(schedule), std::move(workload), Communication::Overlap, Contention("fifo"));
}

// r0, r1: F 0-10 each; r0's activation leaves first: 10-15, there at 17; r1's waits: 15-20, there at 22.
// r2: F 17-27, B 27-47, gradient 47-52, there at 54.
// r3: F 22-32, B 32-52; its gradient finds the NIC free at 52: 52-57, there at 59.
// r0: B 54-74; r1: B 59-79.
// r0 10-54: two hops, r2 busy 30. r1 10-59: two hops, 5 queued, r3 busy 30.
// r2 0-17, r3 0-22: F and a hop, r3 with 5 queued. Behind: r0 5, r2 32, r3 27.
TEST_CASE("a transfer that queues for a shared NIC is contention") {
  const Bubbles bubbles = run_two_pipelines_on_one_nic().bubbles();
  CHECK(bubbles.makespan == Time(79));
  check_causes(bubbles, {{.warmup = 30, .cooldown = 5, .latency = 4, .bandwidth = 10},
                         {.warmup = 30, .contention = 5, .latency = 4, .bandwidth = 10},
                         {.warmup = 10, .cooldown = 32, .latency = 2, .bandwidth = 5},
                         {.warmup = 10, .cooldown = 27, .contention = 5, .latency = 2, .bandwidth = 5}});
}

// As 1F1B without hops, then r1 reduces 70-81 and r0 90-97.
// r0: its own reduction is tail. r1: 81-90 nobody reduces: cool-down; 90-97 r0 does: tail.
TEST_CASE("gradient reduction is tail on its own rank, and on those that are done and wait for it") {
  Workload workload = make_workload(free_transfers(), {2, 2, {}}, 2);
  workload.stages[0].ops[OpKind::GradientReduction].duration = Time(7);
  workload.stages[1].ops[OpKind::GradientReduction].duration = Time(11);
  const Bubbles bubbles = run_schedule(registered("1f1b", {2, 2, 1}), workload).bubbles();
  CHECK(bubbles.makespan == Time(97));
  CHECK(bubbles.busy == Time(120));
  CHECK(bubbles.ranks[1].span == Time(71));  // 10-81
  check_causes(bubbles,
               {{.warmup = 20, .cooldown = 10, .tail = 7}, {.warmup = 10, .cooldown = 9, .tail = 18}});
}

// One request, prefill u = 0 and one token step u = 1, which waits for the token's way back.
// r0: F0 0-10, F1 30-40; r1: F0 15-25, F1 45-55
// r0 10-30: hop 10-15, r1's F0 15-25, hop 25-30. r1 0-15 lies before its first op: warm-up, the hop included.
// r1 25-45: hop, r0's F1, hop.
TEST_CASE(
    "a forward-only run warms up before its first op, cools down behind its last, and depends in between") {
  Workload workload = make_workload(hops(), {2, 2, 1}, 2);
  const SmallRun run =
      run_schedule(registered("inference", {2, 1, 1}, {{"decode_steps", std::int64_t{1}}}), workload);
  const Bubbles bubbles = run.bubbles();
  CHECK(bubbles.makespan == Time(55));
  CHECK(bubbles.max_rank_span == Time(40));
  check_causes(bubbles, {{.cooldown = 15, .dependency = 10, .latency = 4, .bandwidth = 6},
                         {.warmup = 15, .dependency = 10, .latency = 4, .bandwidth = 6}});
}

TEST_CASE("an overlapped pair is one busy interval") {
  // One rank, two micro-batches: F0 0-10, (F1;B0) 10-35, which is less than their sum, B1 35-55.
  ScheduleWriter writer("pair", linear_placement(1), 2, 4);
  writer.forward(0, 0);
  writer.push({OpKind::Forward, true, Stage{0}, MicroBatch{1}});
  writer.backward(0, 0);
  writer.backward(0, 1);
  writer.next_rank();
  Workload workload = make_workload(free_transfers(), {1, 1, {}}, 1);
  workload.pair = Time(25);
  const Bubbles bubbles = run_schedule(std::move(writer).take(), workload).bubbles();
  CHECK(bubbles.busy == Time(55));
  CHECK(bubbles.makespan == Time(55));
  CHECK(bubbles.bubble_fraction() == 0.0);
}

TEST_CASE("a run that takes no time has no bubble") {
  CostsInput costs = free_transfers();
  costs.forward = {Time(0)};
  costs.backward = {Time(0)};
  const Bubbles bubbles = run_registered("1f1b", {2, 2, 1}, costs).bubbles();
  CHECK(bubbles.makespan == Time(0));
  CHECK(bubbles.bubble_fraction() == 0.0);
  CHECK(bubbles.bubble_ratio() == 0.0);
  CHECK(bubbles.span_bubble_fraction() == 0.0);
}

/// "1F1B with hops" above, as if measured: tests change times of it.
SmallRun measured() {
  return run_registered("1f1b", {2, 2, 1}, hops());
}

// r1's F0 starts at 14, though its input is said to arrive at 15: latency 10-12, and of the transmission's 3
// only 12-14 count. It lasts until 25. r0's B1 starts 5 later than its input (80): 85-105; nothing explains
// the 5.
TEST_CASE("a measured arrival after the start is cut off there, and what nothing explains is dependency") {
  SmallRun run = measured();
  run.timeline.start[run.vertex(1, 0)] = Time(14);
  run.timeline.start[run.vertex(0, 3)] = Time(85);
  run.timeline.finish[run.vertex(0, 3)] = Time(105);
  const Bubbles bubbles = run.bubbles();
  CHECK(bubbles.makespan == Time(105));
  CHECK(bubbles.ranks[1].busy == Time(61));
  check_causes(bubbles, {{.warmup = 25, .cooldown = 5, .dependency = 5, .latency = 4, .bandwidth = 6},
                         {.warmup = 10, .cooldown = 30, .latency = 2, .bandwidth = 2}});
}

// r1's input leaves at 11 and arrives at 18, where latency + transmission are 5: 1 queued, 2 more by sharing.
// r1's F0 is 18-25.
TEST_CASE("a transfer that takes longer than its model was slowed down by sharing") {
  SmallRun run = measured();
  const EdgeId edge = run.transfer(run.vertex(0, 0), run.vertex(1, 0));
  run.timeline.transfer_start[edge] = Time(11);
  run.timeline.transfer_finish[edge] = Time(18);
  run.timeline.start[run.vertex(1, 0)] = Time(18);
  CHECK(run.bubbles().ranks[1].idle_by_cause ==
        Causes{.warmup = 10, .cooldown = 25, .contention = 3, .latency = 2, .bandwidth = 3}.times());
}

// It leaves at 10 and arrives at 13: latency 2, and 1 of the transmission's 3. r1's F0 waits until 15 for
// nothing.
TEST_CASE("a transfer that is faster than its model ends with its arrival") {
  SmallRun run = measured();
  run.timeline.transfer_finish[run.transfer(run.vertex(0, 0), run.vertex(1, 0))] = Time(13);
  CHECK(run.bubbles().ranks[1].idle_by_cause ==
        Causes{.warmup = 10, .cooldown = 25, .dependency = 2, .latency = 2, .bandwidth = 1}.times());
}

// All clocks show 1000 more: the run still begins with its first start.
TEST_CASE("a measured run begins with its first start, whatever its clock says") {
  SmallRun run = measured();
  const Bubbles before = run.bubbles();
  for (auto* column : {&run.timeline.start, &run.timeline.finish, &run.timeline.transfer_start,
                       &run.timeline.transfer_finish}) {
    for (Time& time : *column) time += Time(1000);
  }
  const Bubbles after = run.bubbles();
  CHECK(after.makespan == before.makespan);
  for (std::size_t rank = 0; rank < 2; ++rank) {
    CHECK(after.ranks[rank].idle_by_cause == before.ranks[rank].idle_by_cause);
    CHECK(after.ranks[rank].span == before.ranks[rank].span);
  }
}

// r0's F1 is said to start at 8, while F0 runs to 10: busy 8-10 counts once. r0's B1 lies within B0 by the
// clock: the rank is done at 70, and waits for r1's B1, which is 55-75.
TEST_CASE("measured ops that overlap on one rank count once") {
  SmallRun run = measured();
  run.timeline.start[run.vertex(0, 1)] = Time(8);
  run.timeline.start[run.vertex(0, 3)] = Time(60);
  run.timeline.finish[run.vertex(0, 3)] = Time(69);
  const Bubbles bubbles = run.bubbles();
  CHECK(bubbles.makespan == Time(75));
  CHECK(bubbles.ranks[0].busy == Time(40));  // 0-20, 50-70
  CHECK(bubbles.ranks[0].span == Time(70));
  CHECK(bubbles.ranks[0].idle_by_cause ==
        Causes{.warmup = 25, .cooldown = 5, .latency = 2, .bandwidth = 3}.times());
}

}  // namespace
}  // namespace ppsim::test::bubbles_test
