#include "ppsim/schedule/check.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "ppsim/schedule/registry.hpp"
#include "ppsim/schedule/text.hpp"

using namespace ppsim;

namespace {

// 1F1B, P = 2, M = 3:
//   rank 0: F0 F1 B0 F2 B1 B2
//   rank 1: F0 B0 F1 B1 F2 B2
Schedule sample() {
  const ScheduleInfo& info = find_schedule("1f1b");
  return make_schedule(info, {{2, 3, 1}, complete_options(info, {}), nullptr});
}

std::vector<std::string> lines(const Schedule& schedule) {
  std::vector<std::string> result;
  for (const Fault& fault : check_order(schedule)) result.push_back(to_string(fault));
  return result;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a legal order has no fault") {
  CHECK(lines(sample()).empty());
}

TEST_CASE("an op that is missing is named with its rank") {
  Schedule schedule = sample();
  schedule.ops.erase(schedule.ops.begin() + 4);  // rank 0's B1
  for (std::size_t r = 1; r < schedule.rank_begin.size(); ++r) --schedule.rank_begin[r];
  CHECK(lines(schedule) == Lines{"rank 0: B (or I and W) of stage 0 is missing for micro-batch 1"});
}

TEST_CASE("an op that runs twice is named with its step, and what it replaced is missing") {
  Schedule schedule = sample();
  schedule.ops[11] = schedule.ops[9];  // rank 1's last, B2, becomes B1 again
  CHECK(lines(schedule) == Lines{"rank 1, step 5: B of stage 1, micro-batch 1 runs a second time",
                                 "rank 1: B (or I and W) of stage 1 is missing for micro-batch 2"});
}

TEST_CASE("a backward before its forward is named") {
  Schedule schedule = sample();
  std::swap(schedule.ops[6], schedule.ops[7]);
  CHECK(lines(schedule) == Lines{"rank 1, step 0: B of stage 1, micro-batch 0 runs before its F"});
}

TEST_CASE("a weight gradient before its input gradient is named") {
  CHECK(lines(parse_csv("0F0,0W0,0I0", "f").schedule) ==
        Lines{"rank 0, step 1: W of stage 0, micro-batch 0 runs before its I"});
}

TEST_CASE("an input gradient without its weight gradient is named") {
  CHECK(lines(parse_csv("0F0,0F1,0I0,0I1,0W1", "f").schedule) ==
        Lines{"rank 0: W of stage 0 is missing for micro-batch 0"});
}

TEST_CASE("a whole backward beside a split one is named") {
  CHECK(lines(parse_csv("0F0,0I0,0W0,0B0", "f").schedule) ==
        Lines{"rank 0, step 3: B of stage 0, micro-batch 0 runs beside a split backward"});
}

TEST_CASE("one micro-batch may split its backward and another not") {
  CHECK(lines(parse_csv("0F0,0F1,0I0,0W0,0B1", "f").schedule).empty());
}

TEST_CASE("an op of another rank's stage, or of one that does not exist, is named") {
  Schedule schedule = sample();
  schedule.ops[0].stage = Stage{1};
  schedule.ops[1].stage = Stage{7};
  schedule.ops[3].micro_batch = MicroBatch{9};
  CHECK(lines(schedule) ==
        Lines{"rank 0, step 0: F of stage 1, micro-batch 0 is not this rank's: rank 1 holds the stage",
              "rank 0, step 1: F of stage 7, micro-batch 1 does not exist: there are 2 stages",
              "rank 0, step 2: B of stage 0, micro-batch 0 runs before its F",
              "rank 0, step 3: F of stage 0, micro-batch 9 does not exist: there are 3 micro-batches",
              "rank 0, step 4: B of stage 0, micro-batch 1 runs before its F",
              "rank 0, step 5: B of stage 0, micro-batch 2 runs before its F",
              "rank 0: F of stage 0 is missing for micro-batches 0, 1, 2"});
}

TEST_CASE("a pair is a forward with a backward") {
  CHECK(lines(parse_csv("0F0,(0F1;0B0)OVERLAP_F_B,0B1", "f").schedule).empty());
  CHECK(lines(parse_csv("0F0,0F1,(0B0;0B1)OVERLAP_F_B", "f").schedule) ==
        Lines{"rank 0, step 2: B of stage 0, micro-batch 0 overlaps what follows, expected a pair of F with "
              "B or I"});
  Schedule schedule = sample();
  schedule.ops.back().overlaps_next = true;  // with nothing behind it
  CHECK(lines(schedule).size() == 1);
}

TEST_CASE("a backward in a forward-only schedule is named") {
  Schedule schedule = sample();
  schedule.forward_only = true;
  CHECK(lines(schedule).size() == 6);
}

TEST_CASE("long lists of what is missing are cut") {
  Schedule schedule = sample();
  schedule.micro_batches = 100;
  CHECK(lines(schedule).front() ==
        "rank 0: F of stage 0 is missing for micro-batches 3, 4, 5, 6, 7, 8, 9, 10 and 89 more");
}

TEST_CASE("any one change to a legal order is found") {
  const Schedule legal = sample();
  for (std::size_t at = 0; at < legal.ops.size(); ++at) {
    for (const Op other : legal.ops) {
      if (other == legal.ops[at]) continue;
      Schedule changed = legal;
      changed.ops[at] = other;
      CAPTURE(at);
      CHECK_FALSE(check_order(changed).empty());
    }
  }
}
