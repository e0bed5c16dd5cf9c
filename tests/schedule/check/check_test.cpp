#include "ppsim/schedule/check/check.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "ppsim/schedule/registry.hpp"
#include "ppsim/schedule/text/text.hpp"
#include "schedule/requests.hpp"

namespace ppsim::check_test {
namespace {

using Lines = std::vector<std::string>;

Lines lines(const Schedule& schedule) {
  Lines lines;
  for (const Fault& fault : check_order(schedule)) lines.push_back(to_string(fault));
  return lines;
}

Lines faults(std::string_view csv) {
  return lines(parse_csv(csv, "f.csv").schedule);
}

Schedule one_f_one_b(std::uint32_t ranks, std::uint32_t micro_batches) {
  const ScheduleInfo& info = find_schedule("1f1b");
  return make_schedule(info, {{ranks, micro_batches, 1}, complete_options(info, {}), nullptr});
}

TEST_CASE("orders with fused, split and paired backwards, also mixed within a stage, have no fault") {
  for (const char* csv : {
           "0F0,0B0\n1F0,1B0\n",
           "0F0,0F1,0I0,0W0,0B1\n1F0,1B0,1F1,1I1,1W1\n",
           "0F0,0I0,0F1,0W0,0I1,0W1\n",
           "0F0,(0F1;0B0)OVERLAP_F_B,(0F2;0I1)OVERLAP_F_B,0W1,0B2\n",
           "0F0,0F1\n1F0,1F1\n",
           "0F0,0R0,0F1,0B0,0R1,0I1,0W1\n",
           "d0F0,u1F0,d0B0,u1B0\nu0F0,d1F0,u0B0,d1B0\n",
       }) {
    CAPTURE(std::string(csv));
    CHECK(faults(csv) == Lines{});
  }
}

TEST_CASE("each fault of order names its rank and its step, counted from 0") {
  struct Case {
    const char* csv;
    Lines faults;
  };
  const Case cases[] = {
      {"0F0,0F0,0B0\n", {"rank 0, step 1: F of stage 0, micro-batch 0 runs a second time"}},
      {"0F0,0B0,0B0\n", {"rank 0, step 2: B of stage 0, micro-batch 0 runs a second time"}},
      {"0B0,0F0\n", {"rank 0, step 0: B of stage 0, micro-batch 0 runs before its F"}},
      {"0F0,0F1,0B0,0I1,0W1\n1I0,1F0,1W0,1F1,1B1\n",
       {"rank 1, step 0: I of stage 1, micro-batch 0 runs before its F"}},
      {"0F0,0W0,0I0\n", {"rank 0, step 1: W of stage 0, micro-batch 0 runs before its I"}},
      {"0F0,0I0,0W0,0W0\n", {"rank 0, step 3: W of stage 0, micro-batch 0 runs a second time"}},
      {"0F0,0I0,0B0,0W0\n",
       {"rank 0, step 2: B of stage 0, micro-batch 0 runs beside a split backward",
        "rank 0, step 3: W of stage 0, micro-batch 0 runs beside a whole backward B"}},
      {"0F0,0F1,0B0\n", {"rank 0: B (or I and W) of stage 0 is missing for micro-batch 1"}},
      {"0F0,0F1,0B0,0I1\n", {"rank 0: W of stage 0 is missing for micro-batch 1"}},
      {"0F0,0F1,0B0,0B1\n1F1,1B1\n",
       {"rank 1: F of stage 1 is missing for micro-batch 0",
        "rank 1: B (or I and W) of stage 1 is missing for micro-batch 0"}},
      {"0F9,0B9\n",  // nine are missing
       {"rank 0: F of stage 0 is missing for micro-batches 0, 1, 2, 3, 4, 5, 6, 7 and 1 more",
        "rank 0: B (or I and W) of stage 0 is missing for micro-batches 0, 1, 2, 3, 4, 5, 6, 7 and 1 more"}},
      {"0F0,(0B0;0F1)OVERLAP_F_B,0B1\n",
       {"rank 0, step 1: B of stage 0, micro-batch 0 overlaps what follows, expected a pair of F with B or "
        "I"}},
      {"0F0,0I0,(0F1;0W0)OVERLAP_F_B,0B1\n",
       {"rank 0, step 2: F of stage 0, micro-batch 1 overlaps what follows, expected a pair of F with B or "
        "I"}},
      {"0F0,0F1,(0B0;0B1)OVERLAP_F_B\n",
       {"rank 0, step 2: B of stage 0, micro-batch 0 overlaps what follows, expected a pair of F with B or "
        "I"}},
      {"(0F0;0B0)OVERLAP_F_B\n",
       {"rank 0, step 0: F of stage 0, micro-batch 0 overlaps a backward of the same micro-batch, which has "
        "to "
        "wait for it"}},
  };
  for (const Case& order : cases) {
    CAPTURE(std::string(order.csv));
    const std::string found = fmt::format("{}", fmt::join(faults(order.csv), "\n"));
    CHECK(found == fmt::format("{}", fmt::join(order.faults, "\n")));
  }
}

TEST_CASE("R runs once, between its F and its backward, for every backward or for none") {
  CHECK(faults("0R0,0F0,0B0\n") == Lines{"rank 0, step 0: R of stage 0, micro-batch 0 runs before its F"});
  CHECK(faults("0F0,0R0,0R0,0B0\n") ==
        Lines{"rank 0, step 2: R of stage 0, micro-batch 0 runs a second time"});
  CHECK(faults("0F0,0B0,0R0\n") ==
        Lines{"rank 0, step 1: B of stage 0, micro-batch 0 runs before its R",
              "rank 0, step 2: R of stage 0, micro-batch 0 runs when its backward has begun"});
  CHECK(faults("0F0,0F1,0R0,0B0,0I1,0W1\n") ==
        Lines{"rank 0, step 4: I of stage 0, micro-batch 1 runs before its R",
              "rank 0: R of stage 0 is missing for micro-batch 1"});
  CHECK(faults("0F0,0EVICT0,0F1,0LOAD0,0R0,0B0,0R1,0B1\n1F0,1R0,1B0,1F1,1R1,1B1\n").front() ==
        "rank 0, step 1: EVICT of stage 0, micro-batch 0 stands beside R: expected activations that either "
        "move or come again");
  Schedule fused = one_f_one_b(1, 1);
  fused.ops.insert(fused.ops.begin() + 1, {OpKind::Recompute, false, Stage{0}, MicroBatch{0}});
  fused.rank_begin[1] = 3;
  CHECK(lines(fused) == Lines{"rank 0, step 1: R of stage 0, micro-batch 0 stands in a schedule whose "
                              "backwards recompute by themselves"});
}

TEST_CASE("all faults come at once, by rank and by step") {
  CHECK(faults("0F0,0F0,0B0,0B1,0F1\n1B0,1F0,1F1\n") ==
        Lines{"rank 0, step 1: F of stage 0, micro-batch 0 runs a second time",
              "rank 0, step 3: B of stage 0, micro-batch 1 runs before its F",
              "rank 1, step 0: B of stage 1, micro-batch 0 runs before its F",
              "rank 1: B (or I and W) of stage 1 is missing for micro-batch 1"});
}

TEST_CASE("an op that has no place on the rank is a fault of its own") {
  const Schedule good = one_f_one_b(2, 2);  // rank 1: F0 B0 F1 B1
  const auto with = [&](Op op) {
    Schedule bad = good;
    bad.ops[bad.rank_begin[1] + 3] = op;
    return lines(bad);
  };
  const std::string missing = "rank 1: B (or I and W) of stage 1 is missing for micro-batch 1";
  CHECK(with({OpKind::Backward, false, Stage{0}, MicroBatch{1}}) ==
        Lines{"rank 1, step 3: B of stage 0, micro-batch 1 is not this rank's: rank 0 holds the stage",
              missing});
  CHECK(with({OpKind::Backward, false, Stage{2}, MicroBatch{1}}) ==
        Lines{"rank 1, step 3: B of stage 2, micro-batch 1 does not exist: there are 2 stages", missing});
  CHECK(with({OpKind::Backward, false, Stage{1}, MicroBatch{2}}) ==
        Lines{"rank 1, step 3: B of stage 1, micro-batch 2 does not exist: there are 2 micro-batches",
              missing});
  CHECK(with({OpKind::OptimizerStep, false, Stage{1}, MicroBatch{1}}) ==
        Lines{"rank 1, step 3: OPTIMIZER of stage 1, micro-batch 1 is no F, B, I, W or R", missing});
}

TEST_CASE("a pair that the program's end cuts off, or three in a row, are faults") {
  Schedule cut = one_f_one_b(1, 1);
  cut.ops[1].overlaps_next = true;
  CHECK(lines(cut) ==
        Lines{"rank 0, step 1: B of stage 0, micro-batch 0 overlaps what follows, expected a pair of F "
              "with B or I"});
  Schedule three = one_f_one_b(2, 2);  // rank 0: F0 F1 B0 B1
  three.ops[1].overlaps_next = three.ops[2].overlaps_next = true;
  CHECK(lines(three).size() == 2);
}

TEST_CASE("a backward in a forward-only schedule is a fault, a missing one is not") {
  Schedule schedule = one_f_one_b(1, 1);
  schedule.forward_only = true;
  CHECK(lines(schedule) == Lines{"rank 0, step 1: B of stage 0, micro-batch 0 in a forward-only schedule"});
  const ScheduleInfo& info = find_schedule("inference");
  CHECK(lines(make_schedule(info, {{2, 2, 1}, complete_options(info, {}), nullptr})) == Lines{});
}

TEST_CASE("an activation is evicted from home, loaded back from away, and at home for its backward") {
  CHECK(faults("0F0,0EVICT0,0F1,0LOAD0,0B0,0B1\n1F0,1B0,1F1,1B1\n") == Lines{});
  CHECK(
      faults("0EVICT0,0F0,0B0\n1F0,1B0\n") ==
      Lines{"rank 0, step 0: EVICT of stage 0, micro-batch 0 runs before its F",
            "rank 0, step 2: B of stage 0, micro-batch 0 runs while its activation is away, expected a LOAD "
            "before it"});
  CHECK(faults("0F0,0LOAD0,0B0\n1F0,1B0\n") ==
        Lines{"rank 0, step 1: LOAD of stage 0, micro-batch 0 runs without an EVICT"});
  CHECK(faults("0F0,0EVICT0,0EVICT0,0F1,0LOAD0,0B0,0B1\n1F0,1B0,1F1,1B1\n") ==
        Lines{"rank 0, step 2: EVICT of stage 0, micro-batch 0 runs a second time"});
  CHECK(faults("0F0,0EVICT0,0LOAD0,0B0\n1F0,1B0\n") ==
        Lines{"rank 0, step 1: EVICT of stage 0, micro-batch 0 is followed by no F that would need the room",
              "rank 0, step 2: LOAD of stage 0, micro-batch 0 has no F between it and its EVICT, whose end "
              "that F "
              "waits for"});
  CHECK(faults("0F0,0I0,0EVICT0,0F1,0LOAD0,0W0,0B1\n1F0,1B0,1F1,1B1\n") ==
        Lines{"rank 0, step 2: EVICT of stage 0, micro-batch 0 runs when its backward has begun",
              "rank 0, step 4: LOAD of stage 0, micro-batch 0 runs when its backward has begun"});
  CHECK(faults("0F0,0B0,0EVICT0,0F1,0B1\n1F0,1B0,1F1,1B1\n") ==
        Lines{"rank 0, step 2: EVICT of stage 0, micro-batch 0 runs when its backward has begun"});
  CHECK(
      faults("0F0,0EVICT0,0F1,0LOAD0,0B0,0B1\n") ==
      Lines{
          "rank 0, step 1: EVICT of stage 0, micro-batch 0 has no partner: the rank in the middle has none",
          "rank 0, step 3: LOAD of stage 0, micro-batch 0 has no partner: the rank in the middle has none"});
}

// Attention looks back: the keys and values of the slices ahead have to be there, and their gradients flow
// from the slices behind.
TEST_CASE("slices of a micro-batch go forward in order and backward against it") {
  const auto sliced = [](const char* csv) {
    Schedule schedule = parse_csv(csv, "f.csv").schedule;
    schedule.slices = 2;
    return lines(schedule);
  };
  CHECK(sliced("0F0,0F1,0B1,0B0,0F2,0F3,0B3,0B2\n") == Lines{});
  CHECK(sliced("0F2,0F3,0F0,0F1,0B1,0B0,0B3,0B2\n") == Lines{});
  CHECK(sliced("0F1,0F0,0B1,0B0\n") ==
        Lines{"rank 0, step 0: F of stage 0, micro-batch 1 runs before the slice ahead of it"});
  CHECK(sliced("0F0,0F1,0B0,0B1\n") ==
        Lines{"rank 0, step 2: B of stage 0, micro-batch 0 runs before the slice behind it"});
  CHECK(sliced("0F0,0F1,0I0,0W0,0B1\n") ==
        Lines{"rank 0, step 2: I of stage 0, micro-batch 0 runs before the slice behind it"});
}

TEST_CASE(
    "a stage in two directions is checked for each direction's micro-batches on that direction's rank") {
  // Rank 1 runs the up pipe's stage 0; its backward of the first up micro-batch is gone.
  CHECK(faults("d0F0,u1F0,d0B0,u1B0\nu0F0,d1F0,d1B0\n") ==
        Lines{"rank 1: B (or I and W) of stage 0 is missing for micro-batch 1"});
}

TEST_CASE("any op of a legal order put in the place of another is found") {
  const Schedule legal = one_f_one_b(2, 3);
  for (std::size_t at = 0; at < legal.ops.size(); ++at) {
    for (const Op other : legal.ops) {
      if (other == legal.ops[at]) continue;
      Schedule changed = legal;
      changed.ops[at] = other;
      CAPTURE(at);
      CHECK(!check_order(changed).empty());
    }
  }
}

// Every op of every registered schedule, one at a time.
template <class Mutate>
void for_each_op(Mutate mutate) {
  for (const ScheduleInfo* info : all_schedules()) {
    const OptionValues options = complete_options(*info, {});
    const Shape shape{2, 4, chunk_counts(*info, options).back()};
    const Workload workload = uniform_workload(shape, {Time(3), Time(5), Time(3), Time(2), Time(1)});
    const ScheduleRequest request{shape, options, &workload};
    if (why_not(*info, request)) continue;
    const Schedule schedule = make_schedule(*info, request);
    for (std::uint32_t rank = 0; rank < 2; ++rank) {
      for (std::size_t step = 0; step < schedule.program(Rank{rank}).size(); ++step) {
        CAPTURE(info->name);
        CAPTURE(rank);
        CAPTURE(step);
        mutate(schedule, rank, step);
      }
    }
  }
}

void erase(Schedule& schedule, std::uint32_t rank, std::size_t step) {
  schedule.ops.erase(schedule.ops.begin() + static_cast<std::ptrdiff_t>(schedule.rank_begin[rank] + step));
  for (std::uint32_t r = rank + 1; r <= schedule.ranks(); ++r) --schedule.rank_begin[r];
}

void insert(Schedule& schedule, std::uint32_t rank, std::size_t step, Op op) {
  schedule.ops.insert(schedule.ops.begin() + static_cast<std::ptrdiff_t>(schedule.rank_begin[rank] + step),
                      op);
  for (std::uint32_t r = rank + 1; r <= schedule.ranks(); ++r) ++schedule.rank_begin[r];
}

TEST_CASE("whichever op is dropped, the check says which rank misses what") {
  for_each_op([](Schedule schedule, std::uint32_t rank, std::size_t step) {
    const Op op = schedule.program(Rank{rank})[step];
    erase(schedule, rank, step);
    const auto faults = check_order(schedule);
    REQUIRE(!faults.empty());
    const Fault expected{fmt::format("rank {}", rank),
                         fmt::format("{} of stage {} is missing for micro-batch {}",
                                     needs_gradient(op.kind) ? "B (or I and W)" : name(op.kind),
                                     index(op.stage), index(op.micro_batch))};
    CHECK(std::find(faults.begin(), faults.end(), expected) != faults.end());
    for (const Fault& fault : faults) CHECK(fault.where.starts_with(expected.where));
  });
}

TEST_CASE("whichever op is doubled, the check says where it runs again") {
  for_each_op([](Schedule schedule, std::uint32_t rank, std::size_t step) {
    const Op op = schedule.program(Rank{rank})[step];
    const std::size_t end = schedule.program(Rank{rank}).size();
    insert(schedule, rank, end, {op.kind, false, op.stage, op.micro_batch});
    CHECK(check_order(schedule) ==
          std::vector{Fault{fmt::format("rank {}, step {}", rank, end),
                            fmt::format("{} of stage {}, micro-batch {} runs a second time", name(op.kind),
                                        index(op.stage), index(op.micro_batch))}});
  });
}

TEST_CASE("whichever op is given to the other rank, both ranks are named") {
  for_each_op([](Schedule schedule, std::uint32_t rank, std::size_t step) {
    const Op op = schedule.program(Rank{rank})[step];
    erase(schedule, rank, step);
    insert(schedule, 1 - rank, 0, op);
    const auto faults = check_order(schedule);
    const Fault wrong{
        fmt::format("rank {}, step 0", 1 - rank),
        fmt::format("{} of stage {}, micro-batch {} is not this rank's: rank {} holds the stage",
                    name(op.kind), index(op.stage), index(op.micro_batch), rank)};
    CHECK(std::find(faults.begin(), faults.end(), wrong) != faults.end());
    CHECK(std::any_of(faults.begin(), faults.end(),
                      [&](const Fault& fault) { return fault.where == fmt::format("rank {}", rank); }));
  });
}

}  // namespace
}  // namespace ppsim::check_test
