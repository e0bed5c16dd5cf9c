// F = 10 ns, B = 20 ns (I 10, W 10), 6 bytes of activation, free transfers, unless a test says otherwise.
#include "ppsim/metrics/memory.hpp"

#include <doctest/doctest.h>

#include <ostream>

#include "metrics/runs.hpp"
#include "ppsim/schedule/text/text.hpp"

namespace ppsim {
static std::ostream& operator<<(std::ostream& out, const MemoryStep& step) {
  return out << "{" << step.at.count() << " ns, " << step.bytes.count() << " B, " << step.count << "}";
}
}  // namespace ppsim

namespace ppsim::test::memory_test {
namespace {

void check_steps(const RankMemory& memory, const std::vector<MemoryStep>& expected) {
  REQUIRE(memory.steps.size() == expected.size());
  for (std::size_t step = 0; step < expected.size(); ++step) CHECK(memory.steps[step] == expected[step]);
}

/// A schedule of one rank and one stage.
SmallRun run_on_one_rank(const std::vector<Op>& ops, std::uint32_t micro_batches, const CostsInput& costs) {
  ScheduleWriter writer("one rank", linear_placement(1), micro_batches, ops.size());
  for (const Op op : ops) writer.push(op);
  writer.next_rank();
  return run_schedule(std::move(writer).take(), make_workload(costs, {1, 1, {}}, 1));
}

Op op(OpKind kind, std::uint32_t micro_batch, bool overlaps_next = false) {
  return {kind, overlaps_next, Stage{0}, static_cast<MicroBatch>(micro_batch)};
}

// r0: F0 0-10, F1 10-20, B0 40-60, B1 70-90; r1: F0 10-20, B0 20-40, F1 40-50, B1 50-70
// On r1 F1 starts at the instant at which B0 ends: what ends frees first, so that one is live at a time.
TEST_CASE("an activation lives from its F's start to its B's end") {
  const std::vector<RankMemory> memory = run_registered("1f1b", {2, 2, 1}, free_transfers()).memory();
  REQUIRE(memory.size() == 2);
  check_steps(
      memory[0],
      {{Time(0), Bytes(6), 1}, {Time(10), Bytes(12), 2}, {Time(60), Bytes(6), 1}, {Time(90), Bytes(0), 0}});
  CHECK(memory[0].peak_activation == Bytes(12));
  CHECK(memory[0].peak_count == 2);
  CHECK(memory[0].peak_at == Time(10));
  check_steps(memory[1], {{Time(10), Bytes(6), 1}, {Time(40), Bytes(6), 1}, {Time(70), Bytes(0), 0}});
  CHECK(memory[1].peak_activation == Bytes(6));
  CHECK(memory[1].peak_count == 1);
  CHECK(memory[1].peak_at == Time(10));
}

TEST_CASE("two pipelines against each other hold two stages a rank, each with weights of its own") {
  Workload workload = make_workload(free_transfers(), {4, 4, {}}, 4);
  for (std::size_t s = 0; s < 4; ++s) workload.stages[s].weights = Bytes(10 + static_cast<int>(s));
  for (const char* name : {"chimera", "dualpipe"}) {
    const std::vector<RankMemory> memory = run_schedule(registered(name, {4, 8, 1}), workload).memory();
    for (const RankMemory& rank : memory) CHECK(rank.static_bytes == Bytes(23));  // stages r and 3 - r
  }
}

// A copy of 6 bytes takes 6 ns. r0: F0 0-10, EVICT0 10-16, F1 16-26, LOAD0 26-32, B0 40-60, B1 70-90; r1: F0
// 10-20, B0 20-40, F1 40-50, B1 50-70. The guest has its room from 10 to 32.
TEST_CASE("an evicted activation leaves when it has arrived, and takes room again when its way back begins") {
  const auto run = [](Communication communication) {
    return run_schedule(parse_csv("0F0,0EVICT0,0F1,0LOAD0,0B0,0B1\n1F0,1B0,1F1,1B1\n", "f.csv").schedule,
                        make_workload(free_transfers(), {2, 2, {}}, 2), communication);
  };
  for (const Communication communication : {Communication::Overlap, Communication::Blocking}) {
    const std::vector<RankMemory> memory = run(communication).memory();  // a copy holds up no stream
    check_steps(memory[0], {{Time(0), Bytes(6), 1},
                            {Time(16), Bytes(6), 1},
                            {Time(26), Bytes(12), 2},
                            {Time(60), Bytes(6), 1},
                            {Time(90), Bytes(0), 0}});
    CHECK(memory[0].peak_count == 2);
    check_steps(memory[1], {{Time(10), Bytes(12), 2},
                            {Time(32), Bytes(6), 1},
                            {Time(40), Bytes(6), 1},
                            {Time(70), Bytes(0), 0}});
    CHECK(memory[1].peak_activation == Bytes(12));
    CHECK(memory[1].peak_at == Time(10));
  }
}

// F0 0-10, I0 10-20 frees 2 of 6, F1 20-30, W0 30-40 frees the other 4, I1 40-50, W1 50-60.
TEST_CASE("a split backward frees what W does not need when I ends, and the rest when W ends") {
  CostsInput costs = free_transfers();
  costs.activation_freed_at_input_grad = {Bytes(2)};
  const SmallRun run =
      run_on_one_rank({op(OpKind::Forward, 0), op(OpKind::InputGrad, 0), op(OpKind::Forward, 1),
                       op(OpKind::WeightGrad, 0), op(OpKind::InputGrad, 1), op(OpKind::WeightGrad, 1)},
                      2, costs);
  const RankMemory memory = run.memory().front();
  check_steps(memory, {{Time(0), Bytes(6), 1},
                       {Time(20), Bytes(10), 2},
                       {Time(40), Bytes(6), 1},
                       {Time(50), Bytes(4), 1},
                       {Time(60), Bytes(0), 0}});
  CHECK(memory.peak_activation == Bytes(10));
  CHECK(memory.peak_count == 2);
  CHECK(memory.peak_at == Time(20));
}

// F0 0-10, (F1;B0) 10-40, B1 40-60: F1 allocates at the pair's start, B0 frees at its end.
TEST_CASE("in a pair F counts before B") {
  const SmallRun run = run_on_one_rank({op(OpKind::Forward, 0), op(OpKind::Forward, 1, true),
                                        op(OpKind::Backward, 0), op(OpKind::Backward, 1)},
                                       2, free_transfers());
  const RankMemory memory = run.memory().front();
  check_steps(
      memory,
      {{Time(0), Bytes(6), 1}, {Time(10), Bytes(12), 2}, {Time(40), Bytes(6), 1}, {Time(60), Bytes(0), 0}});
  CHECK(memory.peak_count == 2);
}

TEST_CASE("what lives for no time counts for the peak, and not for the steps") {
  CostsInput costs = free_transfers();
  costs.forward = {Time(0)};
  costs.backward = {Time(0)};
  const RankMemory memory =
      run_on_one_rank({op(OpKind::Forward, 0), op(OpKind::Backward, 0)}, 1, costs).memory().front();
  check_steps(memory, {{Time(0), Bytes(0), 0}});
  CHECK(memory.peak_activation == Bytes(6));
  CHECK(memory.peak_count == 1);
}

// One rank, stage 0 of 1 byte and stage 1 of 10. Micro-batches 0 and 1 go through both: 22 bytes in 4 pairs
// when F(1,1) starts at 30. Later stage 0 runs ahead by 4: with F(1,2) 5 pairs, 14 bytes.
TEST_CASE("the most bytes and the most pairs may lie apart") {
  ScheduleWriter writer("apart", {1, {{Rank{0}, Rank{0}}}}, 6, 24);
  for (const std::size_t m : {0, 1}) writer.forward(0, m), writer.forward(1, m);
  for (const std::size_t m : {0, 1}) writer.backward(1, m), writer.backward(0, m);
  for (const std::size_t m : {2, 3, 4, 5}) writer.forward(0, m);
  for (const std::size_t m : {2, 3, 4, 5}) writer.forward(1, m), writer.backward(1, m), writer.backward(0, m);
  writer.next_rank();
  CostsInput costs = free_transfers();
  costs.activation = {Bytes(1), Bytes(10)};
  const SmallRun run = run_schedule(std::move(writer).take(), make_workload(costs, {1, 2, {}}, 2));
  const RankMemory memory = run.memory().front();
  CHECK(memory.peak_activation == Bytes(22));
  CHECK(memory.peak_at == Time(30));
  CHECK(memory.peak_count == 5);
}

TEST_CASE("total memory adds the weights, gradients and optimizer state of all stages held") {
  Workload workload = make_workload(free_transfers(), {2, 4, {}}, 4);
  for (std::size_t stage = 0; stage < 4; ++stage) {
    const auto scale = static_cast<std::int64_t>(stage) + 1;
    workload.stages[stage].weights = Bytes(100 * scale);
    workload.stages[stage].gradients = Bytes(1000 * scale);
    workload.stages[stage].optimizer = Bytes(10000 * scale);
  }
  // Rank 0 holds stages 0 and 2, 1 + 3 = 4 units of 11100; rank 1 stages 1 and 3, 2 + 4 = 6.
  const SmallRun run = run_schedule(registered("interleaved", {2, 2, 2}), workload);
  const std::vector<RankMemory> memory = run.memory();
  CHECK(memory[0].static_bytes == Bytes(44400));
  CHECK(memory[1].static_bytes == Bytes(66600));
  for (const RankMemory& rank : memory) CHECK(rank.peak_total == rank.static_bytes + rank.peak_activation);
}

TEST_CASE("total memory adds buffers of all stages, the neediest pass, and what the allocator reserves") {
  Workload workload = make_workload(free_transfers(), {2, 4, {}}, 4);
  for (std::size_t stage = 0; stage < 4; ++stage) {
    workload.stages[stage].buffers = Bytes(100);
    workload.stages[stage].working = Bytes(10 * static_cast<std::int64_t>(stage));
  }
  workload.allocator_margin = 0.1;
  workload.runtime_memory = Bytes(1000);
  const SmallRun run = run_schedule(registered("interleaved", {2, 2, 2}), workload);
  const std::vector<RankMemory> memory = run.memory();
  CHECK(memory[0].working == Bytes(20));  // stages 0 and 2: one pass at a time
  CHECK(memory[1].working == Bytes(30));  // stages 1 and 3
  for (const RankMemory& rank : memory) {
    CHECK(rank.static_bytes == Bytes(200));
    const std::int64_t allocated = (rank.static_bytes + rank.peak_activation + rank.working).count();
    CHECK(rank.peak_total == Bytes(allocated + (allocated + 9) / 10 + 1000));  // a tenth more, rounded up
  }
}

// r0: F0 0-10, F1 30-40 (u = 1, the token step, waits for the token's way back: hop 5, F 10, hop 5).
TEST_CASE("inference keeps no activation and grows the KV cache when an F ends") {
  Workload workload = make_workload(hops(), {2, 2, 1}, 2);
  for (StageCosts& stage : workload.stages) {
    stage.kv_cache_prefill = Bytes(100);
    stage.kv_cache_step = Bytes(7);
    stage.weights = Bytes(1000);
  }
  const SmallRun run =
      run_schedule(registered("inference", {2, 1, 1}, {{"decode_steps", std::int64_t{1}}}), workload);
  const RankMemory memory = run.memory().front();
  check_steps(memory, {{Time(0), Bytes(0), 1},
                       {Time(10), Bytes(100), 0},
                       {Time(30), Bytes(100), 1},
                       {Time(40), Bytes(107), 0}});
  CHECK(memory.kv_cache == Bytes(107));
  CHECK(memory.peak_activation == Bytes(0));
  CHECK(memory.peak_count == 1);
  CHECK(memory.peak_total == Bytes(1107));
}

TEST_CASE("without a token loop every forward of a forward-only schedule is a prefill") {
  ScheduleWriter writer("forward only", linear_placement(1), 3, 3);
  for (const std::size_t micro_batch : {0, 1, 2}) writer.forward(0, micro_batch);
  writer.next_rank();
  Schedule schedule = std::move(writer).take();
  schedule.forward_only = true;
  Workload workload = make_workload(free_transfers(), {1, 1, 0}, 1);
  workload.stages[0].kv_cache_prefill = Bytes(5);
  workload.stages[0].kv_cache_step = Bytes(1);
  CHECK(run_schedule(schedule, workload).memory().front().kv_cache == Bytes(15));
}

// F1 is said to start at 28, B0 before it to end at 30: the clock errs, and the program's order holds.
TEST_CASE("measured ops that overlap leave steps in order of time") {
  SmallRun run =
      run_registered("naive", {1, 2, 1}, free_transfers());  // F0 0-10, B0 10-30, F1 30-40, B1 40-60
  run.timeline.start[2] = Time(28);
  const RankMemory memory = run.memory().front();
  check_steps(memory, {{Time(0), Bytes(6), 1}, {Time(30), Bytes(6), 1}, {Time(60), Bytes(0), 0}});
  CHECK(memory.peak_count == 1);
}

}  // namespace
}  // namespace ppsim::test::memory_test
