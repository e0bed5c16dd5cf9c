// Sends and receives as parts of the programs.
#include <doctest/doctest.h>

#include <rapidcheck.h>

#include <set>

#include "cases.hpp"
#include "engine/link_model.hpp"
#include "engine/program_replay.hpp"
#include "ppsim/engine/simulate.hpp"
#include "ppsim/schedule/lowering.hpp"
#include "ppsim/schedule/text/text.hpp"
#include "schedule/requests.hpp"

namespace ppsim::program_test {

namespace {

constexpr ProgramStreams kRank{}, kRankGrouped{CommStreams::Rank, true}, kPair{CommStreams::Pair, false},
    kPairGrouped{CommStreams::Pair, true};

Schedule parse(std::string_view text) {
  return parse_csv(text, "f.csv").schedule;
}

OpGraph program_of(const Schedule& schedule, const CostsInput& costs, ProgramStreams streams = kRank) {
  return build_graph(schedule, workload_of(costs, schedule), Communication::Program, streams);
}

std::vector<std::string> cycle_of(const OpGraph& graph) {
  const auto cycle = find_cycle(graph);
  return cycle.empty() ? std::vector<std::string>{} : make_deadlock_error(graph, cycle).cycle();
}

bool ends(const OpGraph& graph) {
  try {
    (void)simulate(graph, Contention("none"));
    return true;
  } catch (const DeadlockError&) {
    return false;
  }
}

// Sends right behind their ops, receives right in front of theirs: what lies between two ops is what one
// batched exchange of Megatron-LM moves.
Schedule with_exchanges(Schedule schedule) {
  const std::size_t S = schedule.stages();
  const auto holder = [&](std::size_t stage, MicroBatch m) {
    return schedule.placement.rank_of(static_cast<Stage>(stage), schedule.direction(m));
  };
  schedule.communication_begin = {0};
  for (std::uint32_t rank = 0; rank < schedule.ranks(); ++rank) {
    const auto program = schedule.program(Rank{rank});
    const auto add = [&](CommKind kind, Op op, std::size_t peer, std::size_t position) {
      if (peer < S && holder(peer, op.micro_batch) != Rank{rank})
        schedule.communication.push_back(
            {kind, op.stage, op.micro_batch, static_cast<std::uint32_t>(position)});
    };
    for (std::size_t begin = 0; begin < program.size();) {
      const std::size_t end = begin + (program[begin].overlaps_next ? 2 : 1);
      for (std::size_t at = begin; at < end; ++at) {
        const Op op = program[at];
        if (op.kind == OpKind::Forward) add(CommKind::RecvForward, op, index(op.stage) - 1, begin);
        if (needs_gradient(op.kind)) add(CommKind::RecvBackward, op, index(op.stage) + 1, begin);
      }
      for (std::size_t at = begin; at < end; ++at) {
        const Op op = program[at];
        if (op.kind == OpKind::Forward) add(CommKind::SendForward, op, index(op.stage) + 1, end);
        if (needs_gradient(op.kind)) add(CommKind::SendBackward, op, index(op.stage) - 1, end);
      }
      begin = end;
    }
    schedule.communication_begin.push_back(static_cast<std::uint32_t>(schedule.communication.size()));
  }
  return schedule;
}

}  // namespace

TEST_CASE("a send waits for its receive's turn, and the stream for both") {
  // F 10, B 20, a transfer 3 on the wire and 4 of latency. Rank 1 receives F1 only behind B0:
  //   F0 0-10, sent 10-13, there at 17; 1F0 17-37-no: 17-27, 1B0 27-47
  //   SEND_F1 is ready at 20, RECV_F1 has its turn behind SEND_B0, which waits for RECV_B0.
  const Schedule schedule = parse(
      "0F0,0SEND_F0,0F1,0RECV_B0,0SEND_F1,0B0,0RECV_B1,0B1\n"
      "1RECV_F0,1F0,1B0,1SEND_B0,1RECV_F1,1F1,1B1,1SEND_B1\n");
  const OpGraph graph = program_of(schedule, uniform_costs(10, 20, 3, 4));
  const Timeline timeline = simulate(graph, Contention("none"));
  // SEND_B0 47-50, there at 54: 0B0 54-74. SEND_F1 has its turn when RECV_B0 has ended, at 54, and RECV_F1
  // when the last byte of SEND_B0 has left, at 50: 54-57, there at 61: 1F1 61-71, 1B1 71-91; SEND_B1 91-94,
  // there at 98: 0B1 98-118.
  CHECK(timeline.start == std::vector<Time>{Time(0), Time(10), Time(54), Time(98),  //
                                            Time(17), Time(27), Time(61), Time(71)});
  CHECK(makespan(timeline) == Time(118));
}

TEST_CASE("two ranks that both send first deadlock, unless their sends and receives are grouped or apart") {
  const Schedule schedule = parse(
      "0F0,0SEND_F0,0F1,0SEND_F1,0RECV_B0,0B0,0RECV_B1,0B1\n"
      "1RECV_F0,1F0,1B0,1SEND_B0,1RECV_F1,1F1,1B1,1SEND_B1\n");
  const CostsInput costs = uniform_costs(10, 20, 3, 4);
  const std::vector<std::string> both = {"rank 0: SEND_F of stage 0, micro-batch 1, to rank 1",
                                         "rank 1: SEND_B of stage 1, micro-batch 0, to rank 0"};
  CHECK(cycle_of(program_of(schedule, costs, kRank)) == both);
  CHECK_FALSE(ends(program_of(schedule, costs, kRank)));
  for (const ProgramStreams streams : {kRankGrouped, kPair, kPairGrouped}) {
    const OpGraph graph = program_of(schedule, costs, streams);
    CHECK(cycle_of(graph).empty());
    // As in the case above, but F1 goes when rank 1 has its turn, at 47, beside B0: 47-50, there at 54.
    CHECK(makespan(simulate(graph, Contention("none"))) == Time(118 - 7));
  }
}

TEST_CASE("a rank that waits for what it sends later is named with the ops between") {
  // Rank 0 receives the gradient of micro-batch 0 before it sends the activation of which it is made.
  const Schedule schedule = parse(
      "0F0,0RECV_B0,0SEND_F0,0B0\n"
      "1RECV_F0,1F0,1B0,1SEND_B0\n");
  CHECK(cycle_of(program_of(schedule, uniform_costs(1, 2))) ==
        std::vector<std::string>{
            "rank 1: F of stage 1, micro-batch 0",
            "rank 1: B of stage 1, micro-batch 0",
            "rank 1: SEND_B of stage 1, micro-batch 0, to rank 0",
            "rank 0: SEND_F of stage 0, micro-batch 0, to rank 1",
        });
}

TEST_CASE("what a transfer waits for its turn is blocked time, what it waits for its links contention") {
  // See metrics; here only that the turn is not lost under fifo: both transfers of a group share a link.
  const Schedule schedule = parse(
      "0F0,0F1,0SEND_F0,0SEND_F1,0RECV_B0,0B0,0RECV_B1,0B1\n"
      "1RECV_F0,1RECV_F1,1F0,1F1,1B0,1SEND_B0,1B1,1SEND_B1\n");
  const OpGraph graph = program_of(schedule, uniform_costs(10, 20, 6), kRankGrouped);
  const Timeline none = simulate(graph, Contention("none")), fifo = simulate(graph, Contention("fifo"));
  CHECK(none.start[5] == Time(36));  // both there at 26; 1F0 26-36
  CHECK(fifo.start[5] == Time(36));
  const auto arrivals = [&](const Timeline& timeline) {
    std::multiset<Time> times;
    for (EdgeId edge = 0; edge < graph.edge_count(); ++edge) {
      if (is_transfer(graph.edge_arrays().classes[edge]) && timeline.transfer_finish[edge] < Time(40))
        times.insert(timeline.transfer_finish[edge]);
    }
    return times;
  };
  CHECK(arrivals(none) == std::multiset<Time>{Time(26), Time(26)});
  CHECK(arrivals(fifo) == std::multiset<Time>{Time(26), Time(32)});
}

TEST_CASE(
    "batched exchanges around every op deadlock the schedules that are known to, and leave 1f1b alone") {
  const Shape linear{4, 8, 1}, chunks{4, 8, 2};
  const std::vector<std::pair<std::string, Shape>> crossed = {{"interleaved", chunks}, {"looped-bfs", chunks},
                                                              {"zb-h2", linear},       {"zbv", chunks},
                                                              {"v-half", chunks},      {"v-min", chunks}};
  for (const auto& one : crossed) {
    CAPTURE(one.first);
    const Schedule schedule = with_exchanges(make_schedule(one.first, one.second));
    CHECK_FALSE(cycle_of(program_of(schedule, uniform_costs(2, 4), kRankGrouped)).empty());
  }
  for (const char* name : {"naive", "gpipe", "1f1b", "zb-h1"}) {
    CAPTURE(std::string(name));
    const Schedule schedule = with_exchanges(make_schedule(name, linear));
    CHECK(cycle_of(program_of(schedule, uniform_costs(2, 4), kRankGrouped)).empty());
  }
}

TEST_CASE("receives placed by their senders never deadlock, however the streams are cut") {
  const UniformCosts costs{Time(5), Time(9), Time(5), Time(4), Time(2)};
  for_each_request(costs, [&](const auto& info, const auto& request) {
    const Workload workload = uniform_workload(request.shape, costs);
    const Schedule schedule = add_sends_and_receives(make_schedule(info, request));
    if (schedule.requests > 0) return;
    const Time free =
        makespan(simulate(build_graph(schedule, workload, Communication::Overlap), Contention("none")));
    for (const ProgramStreams streams : {kRank, kRankGrouped, kPair, kPairGrouped}) {
      const OpGraph graph = build_graph(schedule, workload, Communication::Program, streams);
      if (!find_cycle(graph).empty() || makespan(simulate(graph, Contention("none"))) < free)
        FAIL_CHECK(describe(info, request));
    }
  });
}

TEST_CASE("random programs end when a replay without gates and events says, and deadlock where it does") {
  int deadlocks = 0, runs = 0;
  CHECK(rc::check("program", [&] {
    const Schedule schedule = *rc::gen::element(true, false) ? with_exchanges(random_schedule())
                                                             : add_sends_and_receives(random_schedule());
    const Workload workload = workload_of(random_costs(schedule.stages()), schedule);
    const ProgramStreams streams{*rc::gen::element(CommStreams::Rank, CommStreams::Pair),
                                 *rc::gen::element(true, false)};
    const OpGraph graph = build_graph(schedule, workload, Communication::Program, streams);
    const auto expected = ProgramReplay(schedule, workload, streams).makespan();
    ++runs;
    RC_ASSERT(find_cycle(graph).empty() == expected.has_value());
    if (!expected) {
      ++deadlocks;
      RC_ASSERT(!ends(graph));
      return;
    }
    RC_ASSERT(makespan(simulate(graph, Contention("none"))) == *expected);
    RC_ASSERT(makespan(simulate(graph, Contention("fifo"))) >= *expected);
  }));
  CHECK(deadlocks > 0);
  CHECK(deadlocks < runs);
}

}  // namespace ppsim::program_test
