#include "ppsim/schedule/lowering.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <map>
#include <set>
#include <utility>

#include "ppsim/schedule/check/check.hpp"
#include "ppsim/schedule/text/text.hpp"
#include "schedule/action_rows.hpp"
#include "schedule/requests.hpp"
#include "support.hpp"

namespace ppsim::lowering_test {
namespace {

Schedule parse(std::string_view csv) {
  return parse_csv(csv, "f.csv").schedule;
}

template <class Pass>
std::string lowered(Pass pass, std::string_view csv) {
  return to_comms_csv(pass(parse(csv)));
}

TEST_CASE("an I with its W right behind it becomes a B, and communication between them stands behind it") {
  CHECK(lowered(merge_backward, "0F0,0F1,0I0,0W0,0I1,0W1\n") == "0F0,0F1,0B0,0B1\n");
  CHECK(lowered(merge_backward, "0F0,0F1,0I0,0I1,0W1,0W0\n") == "0F0,0F1,0I0,0B1,0W0\n");
  CHECK(lowered(merge_backward, "0F0,0F1,0I0,0W0,0B1\n1F0,1I0,1SEND_B0,1W0,1F1,1I1,1W1,1SEND_B1\n") ==
        "0F0,0F1,0B0,0B1\n1F0,1B0,1SEND_B0,1F1,1B1,1SEND_B1\n");
  // An I in a pair runs beside its forward and stays there.
  CHECK(lowered(merge_backward, "0F0,(0F1;0I0)OVERLAP_F_B,0W0,0I1,0W1\n") ==
        "0F0,(0F1;0I0)OVERLAP_F_B,0W0,0B1\n");
  CHECK(lowered(merge_backward, "0F0,1F0,1I0,0I0,1W0,0W0\n") == "0F0,1F0,1I0,0I0,1W0,0W0\n");
}

TEST_CASE("the stages that a rank works on next are gathered, and no others") {
  const auto keeping = [](std::uint32_t keep) {
    return [keep](const Schedule& schedule) { return add_unshards(schedule, keep); };
  };
  const char* csv = "0F0,1F0,2F0,3F0,3B0,2B0,1B0,0B0\n";
  CHECK(lowered(keeping(1), csv) ==
        "0UNSHARD,0F0,0RESHARD,1UNSHARD,1F0,1RESHARD,2UNSHARD,2F0,2RESHARD,3UNSHARD,3F0,3B0,3RESHARD,"
        "2UNSHARD,2B0,2RESHARD,1UNSHARD,1B0,1RESHARD,0UNSHARD,0B0,0RESHARD\n");
  CHECK(lowered(keeping(3), csv) ==
        "0UNSHARD,1UNSHARD,2UNSHARD,0F0,0RESHARD,3UNSHARD,1F0,2F0,3F0,3B0,3RESHARD,0UNSHARD,2B0,2RESHARD,"
        "1B0,1RESHARD,0B0,0RESHARD\n");
  CHECK(lowered(keeping(9), csv) ==
        "0UNSHARD,1UNSHARD,2UNSHARD,3UNSHARD,0F0,1F0,2F0,3F0,3B0,3RESHARD,2B0,2RESHARD,1B0,1RESHARD,"
        "0B0,0RESHARD\n");
}

TEST_CASE("a pair may gather one stage more than the others, since both halves run at once") {
  // From 0F1 on: 0, 1, then a pair of 2 and 3: both or none.
  CHECK(lowered([](const Schedule& s) { return add_unshards(s); },
                "0F0,1F0,2F0,3F0,3B0,0F1,1F1,(2F1;3F1)OVERLAP_F_B,0B0,1B0,2B0,3B1,2B1,1B1,0B1\n")
            .find("0F1,1RESHARD") == std::string::npos);
  CHECK(lowered([](const Schedule& s) { return add_unshards(s, 1); },
                "0F0,1F0,1B0,(0F1;0B0)OVERLAP_F_B,1F1,1B1,0B1\n") ==
        "0UNSHARD,0F0,0RESHARD,1UNSHARD,1F0,1B0,1RESHARD,0UNSHARD,(0F1;0B0)OVERLAP_F_B,0RESHARD,1UNSHARD,"
        "1F1,1B1,1RESHARD,0UNSHARD,0B1,0RESHARD\n");
  CHECK(lowered([](const Schedule& s) { return add_unshards(s, 1); },
                "0F0,1F0,1F1,(0F1;1B0)OVERLAP_F_B,1B1,0B0,0B1\n") ==
        "0UNSHARD,0F0,0RESHARD,1UNSHARD,1F0,1F1,0UNSHARD,(0F1;1B0)OVERLAP_F_B,0RESHARD,1B1,1RESHARD,"
        "0UNSHARD,0B0,0B1,0RESHARD\n");
}

TEST_CASE("the two copies of a stage are gathered and reduced each for itself") {
  const char* csv = "d0F0,u1F0,u1B0,d0B0\nu0F0,d1F0,d1B0,u0B0\n";
  CHECK(lowered([](const Schedule& s) { return add_unshards(s); }, csv) ==
        "d0UNSHARD,u1UNSHARD,d0F0,u1F0,u1B0,u1RESHARD,d0B0,d0RESHARD\n"
        "u0UNSHARD,d1UNSHARD,u0F0,d1F0,d1B0,d1RESHARD,u0B0,u0RESHARD\n");
  CHECK(lowered(add_reductions, csv) ==
        "d0F0,u1F0,u1B0,u1REDUCE_GRAD,d0B0,d0REDUCE_GRAD\nu0F0,d1F0,d1B0,d1REDUCE_GRAD,u0B0,u0REDUCE_GRAD\n");
  // Both copies on one rank, which PyTorch's grammar could not tell apart.
  CHECK(lowered(add_reductions, "d0F0,u0F0,d0B0,u0B0\n") ==
        "d0F0,u0F0,d0B0,d0REDUCE_GRAD,u0B0,u0REDUCE_GRAD\n");
}

TEST_CASE(
    "gradients are reduced behind the last B or W of a stage, behind the pair where that is half of one") {
  CHECK(lowered(add_reductions, "0F0,0F1,0I0,0I1,0W1,0W0\n") == "0F0,0F1,0I0,0I1,0W1,0W0,0REDUCE_GRAD\n");
  CHECK(lowered(add_reductions, "0F0,1F0,(0F1;1B0)OVERLAP_F_B,0I0,(1F1;0B1)OVERLAP_F_B,0W0,1B1\n") ==
        "0F0,1F0,(0F1;1B0)OVERLAP_F_B,0I0,(1F1;0B1)OVERLAP_F_B,0W0,0REDUCE_GRAD,1B1,1REDUCE_GRAD\n");
  CHECK(lowered(add_reductions, "0F0,1F0,1B0,(1F1;0B0)OVERLAP_F_B,1B1,0F1,0B1\n")
            .ends_with("1B1,1REDUCE_GRAD,0F1,0B1,0REDUCE_GRAD\n"));
  CHECK(lowered(add_reductions, "0F0,0F1\n") == "0F0,0F1\n");  // inference has no gradients
  Schedule two_steps = parse("0F0,0F1,0B0,0B1,0F2,0B2,0F3,0B3\n");
  two_steps.steps = 2;
  CHECK(to_comms_csv(add_reductions(two_steps)) ==
        "0F0,0F1,0B0,0B1,0REDUCE_GRAD,0F2,0B2,0F3,0B3,0REDUCE_GRAD\n");
}

TEST_CASE("a result that leaves its rank is sent behind its op and received in the order of sends") {
  CHECK(lowered(add_sends_and_receives, "0F0,0F1,0B0,0B1\n1F0,1B0,1F1,1B1\n") ==
        "0F0,0SEND_F0,0F1,0SEND_F1,0RECV_B0,0B0,0RECV_B1,0B1\n"
        "1RECV_F0,1F0,1RECV_F1,1B0,1SEND_B0,1F1,1B1,1SEND_B1\n");
  // Rank 1's stages 1 and 2 are neighbours: nothing is sent between them.
  CHECK(lowered(add_sends_and_receives, "0F0,3F0,3B0,0B0\n1F0,2F0,2B0,1B0\n") ==
        "0F0,0SEND_F0,3RECV_F0,3F0,3B0,3SEND_B0,0RECV_B0,0B0\n"
        "1RECV_F0,1F0,2F0,2SEND_F0,2RECV_B0,2B0,1B0,1SEND_B0\n");
  // A pair hands over both results when it has ended.
  CHECK(lowered(add_sends_and_receives, "0F0,2F0,(0F1;2B0)OVERLAP_F_B,0B0,2F1,2B1,0B1\n1F0,1F1,1B0,1B1\n")
            .starts_with("0F0,0SEND_F0,2RECV_F0,2F0,(0F1;2B0)OVERLAP_F_B,0SEND_F1,2SEND_B0,"));
  // EVICT and LOAD keep their places.
  CHECK(lowered(add_sends_and_receives, "0F0,0EVICT0,0F1,0LOAD0,0B0,0B1\n1F0,1B0,1F1,1B1\n") ==
        "0F0,0SEND_F0,0EVICT0,0RECV_B0,0F1,0SEND_F1,0LOAD0,0RECV_B1,0B0,0B1\n"
        "1RECV_F0,1F0,1B0,1SEND_B0,1RECV_F1,1F1,1B1,1SEND_B1\n");
  CHECK(lowered(add_sends_and_receives, "0F0,0B0\n") == "0F0,0B0\n");
}

TEST_CASE("in a token loop the last stage sends to the first, for the next token step") {
  Schedule schedule = parse("0F0,0F1,0F2,0F3\n1F0,1F1,1F2,1F3\n");
  schedule.requests = 2;
  CHECK(to_comms_csv(add_sends_and_receives(schedule)) ==
        "0F0,0SEND_F0,0RECV_F2,0F1,0SEND_F1,0RECV_F3,0F2,0SEND_F2,0F3,0SEND_F3\n"
        "1RECV_F0,1F0,1SEND_F0,1RECV_F1,1F1,1SEND_F1,1RECV_F2,1F2,1RECV_F3,1F3\n");
}

TEST_CASE("sends and receives mix with what the other passes added, action by action") {
  CHECK(to_comms_csv(add_sends_and_receives(
            add_reductions(add_unshards(parse("0F0,0F1,0B0,0B1\n1F0,1B0,1F1,1B1\n"))))) ==
        "0UNSHARD,0F0,0SEND_F0,0F1,0SEND_F1,0RECV_B0,0B0,0RECV_B1,0B1,0REDUCE_GRAD,0RESHARD\n"
        "1UNSHARD,1RECV_F0,1F0,1RECV_F1,1B0,1SEND_B0,1F1,1B1,1SEND_B1,1REDUCE_GRAD,1RESHARD\n");
}

std::string refusal(const std::function<Schedule()>& pass) {
  try {
    (void)pass();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST_CASE("what is there already is not added again") {
  const Schedule schedule = parse("0F0,0B0\n1F0,1B0\n");
  const auto twice = [&](auto pass) { return refusal([&] { return pass(pass(schedule)); }); };
  CHECK(twice(add_sends_and_receives) == "schedule: has sends and receives already, expected none");
  CHECK(twice([](const Schedule& s) { return add_unshards(s); }) ==
        "schedule: has UNSHARD already, expected none");
  CHECK(twice(add_reductions) == "schedule: has REDUCE_GRAD already, expected none");
}

TEST_CASE("an order that deadlocks has no place for its sends, and its cycle is named") {
  const auto cycle = [](const char* csv) {
    try {
      (void)add_sends_and_receives(parse(csv));
    } catch (const DeadlockError& deadlock) {
      CHECK(deadlock.fault().where == "schedule");
      return fmt::format("{}", fmt::join(deadlock.cycle(), "; "));
    }
    return std::string("runs");
  };
  CHECK(cycle("0F0,0B0,0F1,0B1\n1F0,1B0,1F1,1B1\n") == "runs");
  // Rank 0 wants the gradient of 0 before it runs 1, rank 1 the other way around.
  CHECK(cycle("0F0,0B0,0F1,0B1\n1F1,1B1,1F0,1B0\n") ==
        "rank 0: B of stage 0, micro-batch 0; rank 0: F of stage 0, micro-batch 1; "
        "rank 1: F of stage 1, micro-batch 1; rank 1: B of stage 1, micro-batch 1; "
        "rank 1: F of stage 1, micro-batch 0; rank 1: B of stage 1, micro-batch 0");
  // On one rank, a stage in front of the one that feeds it.
  CHECK(cycle("1F0,0F0,1B0,0B0\n") ==
        "rank 0: F of stage 1, micro-batch 0; rank 0: F of stage 0, micro-batch 0");
  // What a pass added stands in the cycle too.
  CHECK(cycle("1UNSHARD,1F0,0UNSHARD,0F0,1B0,0B0\n") ==
        "rank 0: F of stage 1, micro-batch 0; rank 0: UNSHARD of stage 0; rank 0: F of stage 0, "
        "micro-batch 0");
  CHECK(cycle("0F0,(1F0;0B0)OVERLAP_F_B,1B0\n") ==
        "rank 0: F of stage 1, micro-batch 0 with B of stage 0, micro-batch 0; rank 0: B of stage 1, "
        "micro-batch 0");
}

std::string faults(const Schedule& schedule) {
  std::string text;
  for (const Fault& fault : check_communication(schedule)) text += to_string(fault) + "\n";
  return text;
}

TEST_CASE("each fault of communication names its rank and the step it stands before") {
  struct Case {
    const char* csv;
    const char* faults;
  };
  const Case cases[] = {
      {"0F0,0SEND_F0,0RECV_B0,0B0\n1RECV_F0,1F0,1B0,1SEND_B0\n", ""},
      {"0UNSHARD,0F0,0B0,0RESHARD\n1F0,1B0\n", ""},
      {"0SEND_F0,0F0,0RECV_B0,0B0\n1RECV_F0,1F0,1B0,1SEND_B0\n",
       "rank 0, before step 0: SEND_F of stage 0, micro-batch 0 stands in front of its F, whose result it "
       "carries\n"},
      {"0F0,0SEND_F0,0B0,0RECV_B0\n1F0,1RECV_F0,1SEND_B0,1B0\n",
       "rank 0, behind the last step: RECV_B of stage 0, micro-batch 0 stands behind its B or I, which needs "
       "it\n"
       "rank 1, before step 1: RECV_F of stage 1, micro-batch 0 stands behind its F, which needs it\n"
       "rank 1, before step 1: SEND_B of stage 1, micro-batch 0 stands in front of its B or I, whose result "
       "it carries\n"},
      {"0F0,0SEND_F0,0SEND_F0,0RECV_B0,0B0\n1RECV_F0,1F0,1B0,1SEND_B0\n",
       "rank 0, before step 1: SEND_F of stage 0, micro-batch 0 stands a second time\n"},
      {"0F0,0SEND_F0,0F1,0B0,0B1\n1F0,1B0,1F1,1B1\n",
       "rank 0: SEND_F of stage 0 is missing for micro-batch 1\n"
       "rank 0: RECV_B of stage 0 is missing for micro-batches 0, 1\n"
       "rank 1: RECV_F of stage 1 is missing for micro-batches 0, 1\n"
       "rank 1: SEND_B of stage 1 is missing for micro-batches 0, 1\n"},
      {"0F0,0SEND_F0,1F0,1RECV_F0,1B0,0B0,0SEND_B0\n",
       "rank 0, before step 1: SEND_F of stage 0, micro-batch 0 has no peer on another rank\n"
       "rank 0, before step 2: RECV_F of stage 1, micro-batch 0 has no peer on another rank\n"
       "rank 0, behind the last step: SEND_B of stage 0, micro-batch 0 has no peer on another rank\n"},
      {"0F0,2F0,(0F1;2B0)OVERLAP_F_B,0SEND_F1,0B0,2F1,2B1,0B1\n1F0,1F1,1RECV_B0,1B0,1B1\n",
       "rank 0: SEND_F of stage 0 is missing for micro-batch 0\n"
       "rank 0: RECV_B of stage 0 is missing for micro-batches 0, 1\n"
       "rank 0: RECV_F of stage 2 is missing for micro-batches 0, 1\n"
       "rank 0: SEND_B of stage 2 is missing for micro-batches 0, 1\n"
       "rank 1: SEND_F of stage 1 is missing for micro-batches 0, 1\n"
       "rank 1: RECV_F of stage 1 is missing for micro-batches 0, 1\n"
       "rank 1: SEND_B of stage 1 is missing for micro-batches 0, 1\n"
       "rank 1: RECV_B of stage 1 is missing for micro-batch 1\n"},
      {"0F0,0F1,0RECV_B0\n1F0,1F1\n",  // forward only
       "rank 0, behind the last step: RECV_B of stage 0, micro-batch 0 has no peer on another rank\n"
       "rank 0: SEND_F of stage 0 is missing for micro-batches 0, 1\n"
       "rank 1: RECV_F of stage 1 is missing for micro-batches 0, 1\n"},
  };
  for (const Case& program : cases) {
    CAPTURE(std::string(program.csv));
    CHECK(faults(parse(program.csv)) == program.faults);
  }
}

TEST_CASE("communication that no file can say is a fault too") {
  const Schedule good = add_sends_and_receives(parse("0F0,(0F1;0B0)OVERLAP_F_B,0B1\n1F0,1B0,1F1,1B1\n"));
  REQUIRE(faults(good) == "");
  const auto with = [&](CommAction action) {
    Schedule bad = good;
    bad.communication[1] = action;
    return faults(bad);
  };
  REQUIRE(good.communication[1] == CommAction{CommKind::RecvBackward, Stage{0}, MicroBatch{0}, 1});
  const std::string missing = "rank 0: RECV_B of stage 0 is missing for micro-batch 0\n";
  CHECK(with({CommKind::RecvBackward, Stage{0}, MicroBatch{0}, 2}) ==
        "rank 0, before step 2: RECV_B of stage 0, micro-batch 0 stands between the halves of a pair\n"
        "rank 0, before step 2: RECV_B of stage 0, micro-batch 0 stands behind its B or I, which needs it\n");
  CHECK(with({CommKind::SendBackward, Stage{1}, MicroBatch{0}, 1}) ==
        "rank 0, before step 1: SEND_B of stage 1, micro-batch 0 is not this rank's: rank 1 holds the "
        "stage\n" +
            missing);
  CHECK(with({CommKind::SendBackward, Stage{2}, MicroBatch{0}, 1}) ==
        "rank 0, before step 1: SEND_B of stage 2, micro-batch 0 does not exist: there are 2 stages\n" +
            missing);
  CHECK(with({CommKind::RecvBackward, Stage{0}, MicroBatch{2}, 1}) ==
        "rank 0, before step 1: RECV_B of stage 0, micro-batch 2 does not exist: there are 2 "
        "micro-batches\n" +
            missing);
  CHECK(with({CommKind::Unshard, Stage{1}, MicroBatch{0}, 1}) ==
        "rank 0, before step 1: UNSHARD of stage 1 is not this rank's: rank 1 holds the stage\n" + missing);
}

// How many of the shapes below every schedule takes at least.
constexpr int kEnoughSmall = kSanitized ? 2 : 3;

// Shapes for the text procedures, which are slow.
template <class Each>
int for_each_small_request(Each each) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> shapes = {{1, 3}, {2, 4}, {3, 7}, {4, 4}, {4, 8}};
  if (!kSanitized) shapes.insert(shapes.end(), {{5, 10}, {8, 16}});
  int fewest = std::numeric_limits<int>::max();
  for (const ScheduleInfo* info : all_schedules()) {
    int calls = 0;
    for (const OptionValues& options : option_variants(*info)) {
      for (const auto& [P, M] : shapes) {
        for (const std::uint32_t V : chunk_counts(*info, options)) {
          const Workload workload =
              uniform_workload({P, M, V}, {Time(3), Time(5), Time(3), Time(2), Time(1)});
          const ScheduleRequest request{{P, M, V}, options, &workload};
          if (why_not(*info, request)) continue;
          each(*info, request);
          ++calls;
        }
      }
    }
    fewest = std::min(fewest, calls);
  }
  return fewest;
}

TEST_CASE(
    "every schedule's sends and receives stand where the sweeps of PyTorch's pass put them, and it runs") {
  CHECK(for_each_small_request([](const ScheduleInfo& info, const ScheduleRequest& request) {
          const Schedule schedule = make_schedule(info, request);
          const auto stages = static_cast<int>(schedule.stages());
          const auto requests = static_cast<int>(schedule.requests);
          const auto swept = place_by_sweeps(rows_of(to_csv(schedule)), stages, requests,
                                             static_cast<int>(schedule.micro_batches) - 1);
          const std::string ours = to_comms_csv(add_sends_and_receives(schedule));
          if (!swept || ours != csv_of(*swept)) FAIL_CHECK(describe(info, request) << ":\n" << ours);
          if (!count_steps(rows_of(ours), stages, requests))
            FAIL_CHECK(describe(info, request) << " does not run");
        }) >= kEnoughSmall);
}

TEST_CASE("every schedule with all that the passes add runs step by step") {
  CHECK(for_each_small_request([](const ScheduleInfo& info, const ScheduleRequest& request) {
          const Schedule schedule = make_schedule(info, request);
          const Schedule full =
              add_sends_and_receives(add_reductions(add_unshards(merge_backward(schedule))));
          if (!check_order(full).empty() || !faults(full).empty())
            FAIL_CHECK(describe(info, request) << "\n" << faults(full));
          if (!count_steps(rows_of(to_comms_csv(full)), static_cast<int>(full.stages()),
                           static_cast<int>(full.requests)))
            FAIL_CHECK(describe(info, request) << " does not run");
        }) >= kEnoughSmall);
}

// What is gathered on one rank, and the backwards whose gradients are not reduced yet.
struct ShardedRow {
  std::set<std::string> gathered;
  std::map<std::string, std::uint32_t> unreduced, reductions;

  // False where an action has no business there.
  bool run(const RowAction& action) {
    const std::string stage = action.direction + std::to_string(action.stage);
    if (action.kind == "UNSHARD") return gathered.insert(stage).second;
    if (action.kind == "RESHARD") return gathered.erase(stage) == 1;
    if (action.kind == "REDUCE_GRAD") return ++reductions[stage], std::exchange(unreduced[stage], 0) > 0;
    if (action.kind == "B" || action.kind == "W") ++unreduced[stage];
    return gathered.contains(stage) || action.kind == "EVICT" || action.kind == "LOAD";
  }
};

TEST_CASE("in every schedule a stage is gathered when it runs, and its gradients are reduced once a step") {
  CHECK(for_each_small_request([](const ScheduleInfo& info, const ScheduleRequest& request) {
          const Schedule schedule = make_schedule(info, request);
          for (const auto& row : rows_of(to_comms_csv(add_reductions(add_unshards(schedule))))) {
            ShardedRow state;
            for (const std::string& cell : row) {
              for (const RowAction& action : parse_cell(cell))
                if (!state.run(action)) FAIL_CHECK(describe(info, request) << ": " << cell);
              if (state.gathered.size() > 4) FAIL_CHECK(describe(info, request) << ": too many at " << cell);
            }
            if (!state.gathered.empty()) FAIL_CHECK(describe(info, request) << ": gathered at the end");
            for (const auto& entry : state.unreduced) {
              if (entry.second > 0 || state.reductions[entry.first] != schedule.steps)
                FAIL_CHECK(describe(info, request) << ": reductions of stage " << entry.first);
            }
          }
        }) >= kEnoughSmall);
}

// What a file does not say: who runs it knows it.
Schedule with_unsaid(Schedule read, const Schedule& original) {
  read.name = original.name;
  read.requests = original.requests;
  read.slices = original.slices;
  read.steps = original.steps;
  return read;
}

TEST_CASE("every schedule's communication is complete, and is read from its file as it was written") {
  CHECK(for_each_request({Time(3), Time(5), Time(3), Time(2), Time(1)}, [](const ScheduleInfo& info,
                                                                           const ScheduleRequest& request) {
          const Schedule schedule = add_sends_and_receives(make_schedule(info, request));
          if (!faults(schedule).empty()) FAIL_CHECK(describe(info, request) << "\n" << faults(schedule));
          const Schedule read = parse(to_comms_csv(schedule));
          const bool loop = !schedule.communication.empty() && schedule.requests < schedule.micro_batches;
          if (loop && read.requests != schedule.requests) FAIL_CHECK(describe(info, request) << ": requests");
          if (with_unsaid(read, schedule) != schedule) FAIL_CHECK(describe(info, request));
        }) >= (kSanitized ? 5 : 10));
}

// Requests of every schedule that are small enough to change each action.
template <class Change>
void for_each_send_and_receive(Change change) {
  for (const char* name : {"1f1b", "interleaved", "zbv", "chimera", "dualpipe", "dualpipev", "inference"}) {
    const ScheduleInfo& info = find_schedule(name);
    const OptionValues options = complete_options(info, {});
    const Schedule schedule = add_sends_and_receives(
        make_schedule(info, {{2, 4, chunk_counts(info, options).back()}, options, nullptr}));
    REQUIRE(!schedule.communication.empty());
    for (std::uint32_t at = 0; at < schedule.communication.size(); ++at) {
      CAPTURE(info.name);
      CAPTURE(at);
      change(schedule, at);
    }
  }
}

TEST_CASE("whichever send or receive is dropped, the check says which rank misses it") {
  for_each_send_and_receive([](Schedule schedule, std::uint32_t at) {
    const CommAction action = schedule.communication[at];
    schedule.communication.erase(schedule.communication.begin() + at);
    std::uint32_t rank = 0;
    while (schedule.communication_begin[rank + 1] <= at) ++rank;
    for (std::uint32_t r = rank + 1; r <= schedule.ranks(); ++r) --schedule.communication_begin[r];
    CHECK(faults(schedule) == fmt::format("rank {}: {} of stage {} is missing for micro-batch {}\n", rank,
                                          name(action.kind), index(action.stage), index(action.micro_batch)));
  });
}

TEST_CASE("whichever send or receive is put in the place of another, the check finds it") {
  for_each_send_and_receive([](const Schedule& schedule, std::uint32_t at) {
    for (const CommAction& other : schedule.communication) {
      Schedule changed = schedule;
      changed.communication[at] = other;
      changed.communication[at].position = schedule.communication[at].position;
      if (changed == schedule) continue;
      CHECK(!check_communication(changed).empty());
    }
  });
}

}  // namespace
}  // namespace ppsim::lowering_test
