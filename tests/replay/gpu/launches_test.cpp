#include "replay/gpu/launches.hpp"

#include <doctest/doctest.h>

#include <rapidcheck.h>

#include <map>
#include <optional>
#include <random>

#include "cases.hpp"
#include "ppsim/engine/simulate.hpp"
#include "replay/runs.hpp"
#include "schedule/requests.hpp"

namespace ppsim::test::launches_test {
namespace {

// Runs a plan as the streams and communicators would, in which messages take no time: again and again what
// can begin or end, until nothing can. Written without the check: nothing here looks for a cycle.
class Machine {
 public:
  Machine(const OpGraph& graph, const LaunchPlan& plan, LaunchOrder order = LaunchOrder::Free)
      : graph_(graph), plan_(plan), order_(order) {
    for (const RankLaunches& rank : plan.ranks) {
      start_.emplace_back(rank.list.size());
      end_.emplace_back(rank.list.size());
    }
  }

  bool run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (std::uint32_t rank = 0; rank < plan_.ranks.size(); ++rank) {
        for (std::uint32_t i = 0; i < plan_.ranks[rank].list.size(); ++i) moved |= advance(rank, i);
      }
    }
    return std::all_of(end_.begin(), end_.end(), [](const auto& rank) {
      return std::all_of(rank.begin(), rank.end(), [](const auto& end) { return end.has_value(); });
    });
  }

  // [graph vertices]
  [[nodiscard]] std::vector<Time> op_starts() const {
    std::vector<Time> starts;
    for (std::uint32_t rank = 0; rank < plan_.ranks.size(); ++rank) {
      for (const std::uint32_t op : plan_.ranks[rank].ops) starts.push_back(*start_[rank][op]);
    }
    return starts;
  }

 private:
  using Times = std::vector<std::optional<Time>>;

  bool advance(std::uint32_t rank, std::uint32_t i) {
    if (!start_[rank][i]) {
      start_[rank][i] = group_ready(rank, i);
      return start_[rank][i].has_value();
    }
    if (end_[rank][i]) return false;
    end_[rank][i] = group_done(rank, i);
    return end_[rank][i].has_value();
  }

  // The latest of what `of` says of each launch of i's group; nothing where it says so of one.
  template <class Of>
  std::optional<Time> latest(std::uint32_t rank, std::uint32_t i, Of of) const {
    const auto& list = plan_.ranks[rank].list;
    Time time{};
    for (std::uint32_t one = 0; one < list.size(); ++one) {
      if (list[one].group != list[i].group) continue;
      const std::optional<Time> own = of(one);
      if (!own) return std::nullopt;
      time = std::max(time, *own);
    }
    return time;
  }

  std::optional<Time> group_ready(std::uint32_t rank, std::uint32_t i) const {
    return latest(rank, i, [&](std::uint32_t one) { return ready(rank, one); });
  }
  std::optional<Time> group_done(std::uint32_t rank, std::uint32_t i) const {
    return latest(rank, i, [&](std::uint32_t one) { return done(rank, one); });
  }

  std::optional<Time> ready(std::uint32_t rank, std::uint32_t i) const {
    const auto& list = plan_.ranks[rank].list;
    const auto precedes = [&](std::uint32_t other) {
      if (list[other].group == list[i].group) return false;
      const bool both_messages = list[other].kind != LaunchKind::Op && list[i].kind != LaunchKind::Op;
      return list[other].stream == list[i].stream ||
             (both_messages && list[other].communicator == list[i].communicator);
    };
    Time time{};
    std::vector<std::uint32_t> before = list[i].after;
    for (std::uint32_t other = 0; other < i; ++other) {
      if (precedes(other)) before.push_back(other);
    }
    for (const std::uint32_t one : before) {
      if (!end_[rank][one]) return std::nullopt;
      time = std::max(time, *end_[rank][one]);
    }
    if (order_ == LaunchOrder::Free || list[i].kind == LaunchKind::Op) return time;
    for (std::uint32_t other = 0; other < i; ++other) {
      if (list[other].kind == LaunchKind::Op || list[other].group == list[i].group) continue;
      if (!start_[rank][other]) return std::nullopt;
      time = std::max(time, *start_[rank][other]);
    }
    return time;
  }

  std::optional<Time> done(std::uint32_t rank, std::uint32_t i) const {
    const Launch& launch = plan_.ranks[rank].list[i];
    const Time start = *start_[rank][i];
    if (launch.kind == LaunchKind::Op)
      return start + graph_.durations()[graph_.rank_begin()[rank] + launch.vertex];
    const auto& others = plan_.ranks[index(launch.peer)].list;
    for (std::uint32_t other = 0; other < others.size(); ++other) {
      if (others[other].kind == LaunchKind::Op || others[other].edge != launch.edge) continue;
      if (const auto began = start_[index(launch.peer)][other]) return std::max(start, *began);
    }
    return std::nullopt;
  }

  const OpGraph& graph_;
  const LaunchPlan& plan_;
  LaunchOrder order_;
  std::vector<Times> start_, end_;  // [P][launches]
};

CostsInput costs_without_hops() {
  CostsInput costs = uniform_costs(3, 7);
  costs.weight_grad = {Time(2)};
  costs.activation = {Bytes(0)};  // which EVICT and LOAD carry
  return costs;
}

std::optional<Schedule> small_schedule(const ScheduleInfo& info) {
  const auto options = option_variants(info).front();
  for (const std::uint32_t V : chunk_counts(info, options)) {
    for (std::uint32_t M = 4; M <= 16; ++M) {
      const Workload costs = uniform_workload({4, M, V}, {});
      const ScheduleRequest request{{4, M, V}, options, &costs};
      if (!why_not(info, request)) return make_schedule(info, request);
    }
  }
  return std::nullopt;
}

TEST_CASE("every schedule's launches start each op when the engine does, where messages take no time") {
  std::size_t count = 0;
  for (const ScheduleInfo* info : all_schedules()) {
    const auto schedule = small_schedule(*info);
    if (!schedule) continue;
    CAPTURE(info->name);
    const OpGraph graph = graph_of(*schedule, costs_without_hops());
    const LaunchPlan plan = make_launch_plan(graph, Communicators::Pair);
    CHECK(find_launch_fault(graph, plan).empty());
    Machine machine(graph, plan);
    REQUIRE(machine.run());
    CHECK(machine.op_starts() == simulate(graph, Contention("none")).start);
    ++count;
    CHECK(find_launch_fault(graph, plan, LaunchOrder::Kept).empty());
    Machine in_order(graph, plan, LaunchOrder::Kept);
    REQUIRE(in_order.run());
    CHECK(in_order.op_starts() == machine.op_starts());
  }
  CHECK(count > 20);
}

// A rendezvous ends when the receiver has a buffer, and the engine's send when its last byte has left.
TEST_CASE("blocking sends run to their end too, and start no op before the engine does") {
  for (const ScheduleInfo* info : all_schedules()) {
    const auto schedule = small_schedule(*info);
    if (!schedule) continue;
    CAPTURE(info->name);
    const OpGraph graph = graph_of(*schedule, costs_without_hops(), Communication::Blocking);
    const LaunchPlan plan = make_launch_plan(graph, Communicators::Pair);
    CHECK(find_launch_fault(graph, plan).empty());
    Machine machine(graph, plan);
    REQUIRE(machine.run());
    const std::vector<Time> starts = machine.op_starts(), engine = simulate(graph, Contention("none")).start;
    for (std::size_t i = 0; i < starts.size(); ++i) CHECK(starts[i] >= engine[i]);
  }
}

bool has_pairs(const Schedule& schedule) {
  return std::any_of(schedule.ops.begin(), schedule.ops.end(), [](const Op& op) { return op.overlaps_next; });
}

// The same sends, and each receive at any place between where it stands and its op.
Schedule receive_later(Schedule schedule, std::mt19937& random) {
  for (std::uint32_t rank = 0; rank < schedule.ranks(); ++rank) {
    const auto ops = schedule.program(Rank{rank});
    const auto begin = schedule.communication.begin() + schedule.communication_begin[rank];
    const auto end = schedule.communication.begin() + schedule.communication_begin[rank + 1];
    for (auto action = begin; action != end; ++action) {
      const bool forward = action->kind == CommKind::RecvForward;
      if (!forward && action->kind != CommKind::RecvBackward) continue;
      const auto op = std::find_if(ops.begin(), ops.end(), [&](const Op& one) {
        return one.stage == action->stage && one.micro_batch == action->micro_batch &&
               (forward ? one.kind == OpKind::Forward : needs_gradient(one.kind));
      });
      const auto last = static_cast<std::uint32_t>(op - ops.begin());
      action->position += static_cast<std::uint32_t>(random() % (last - action->position + 1));
    }
    std::stable_sort(begin, end,
                     [](const CommAction& a, const CommAction& b) { return a.position < b.position; });
  }
  return schedule;
}

// Where sends are part of the program both checks look at the same question, each in its own graph. Two
// messages that meet the wrong way round are no matter to the graph, whose transfers have names.
TEST_CASE("the check of launches finds what the check of the graph finds, and what the machine cannot end") {
  std::size_t ends = 0, hangs = 0;
  std::mt19937 random(1);
  for (const ScheduleInfo* info : all_schedules()) {
    auto schedule = small_schedule(*info);
    if (!schedule || schedule->forward_only || has_pairs(*schedule)) continue;
    schedule = receive_later(add_sends_and_receives(*schedule), random);
    for (const ProgramStreams streams :
         {ProgramStreams{CommStreams::Rank, false}, ProgramStreams{CommStreams::Rank, true},
          ProgramStreams{CommStreams::Pair, false}, ProgramStreams{CommStreams::Pair, true}}) {
      CAPTURE(info->name);
      CAPTURE(streams.grouped);
      const OpGraph graph =
          graph_for(*schedule, workload_of(costs_without_hops(), *schedule), Communication::Program, streams);
      const bool world = streams.per == CommStreams::Rank;
      const LaunchPlan plan = make_launch_plan(graph, world ? Communicators::World : Communicators::Pair);
      const auto fault = find_launch_fault(graph, plan);
      if (fault.size() == 1) continue;
      const bool free = fault.empty();
      CHECK(free == find_cycle(graph).empty());
      CHECK(free == Machine(graph, plan).run());
      ++(free ? ends : hangs);
    }
  }
  CHECK(ends > 40);
  CHECK(hangs > 0);
}

TEST_CASE("one communicator for all sends and receives on streams of their own deadlocks 1f1b") {
  const OpGraph graph = graph_of(make_schedule("1f1b", {4, 8, 1}), uniform_costs(3, 5, 4, 2));
  const LaunchPlan plan = make_launch_plan(graph, Communicators::World);
  CHECK(plan.communicators.size() == 1);
  const auto cycle = find_launch_fault(graph, plan);
  CHECK(cycle.size() >= 2);
  CHECK_FALSE(Machine(graph, plan).run());
  for (const std::string& line : cycle) CHECK(line.starts_with("rank "));
}

TEST_CASE("random orders: the check is silent exactly where the launches run to their end") {
  CHECK(rc::check([] {
    const Schedule schedule = random_schedule();
    const OpGraph graph = graph_of(schedule, random_costs(schedule.stages()));
    for (const Communicators communicators : {Communicators::Pair, Communicators::World}) {
      const LaunchPlan plan = make_launch_plan(graph, communicators);
      for (const LaunchOrder order : {LaunchOrder::Free, LaunchOrder::Kept})
        RC_ASSERT(find_launch_fault(graph, plan, order).empty() == Machine(graph, plan, order).run());
    }
  }));
}

TEST_CASE("1f1b takes two buffers for each sender at the most, however many micro-batches") {
  const OpGraph graph = graph_of(make_schedule("1f1b", {4, 32, 1}), uniform_costs(3, 5, 4, 2));
  const LaunchPlan plan = make_launch_plan(graph, Communicators::Pair);
  CHECK(plan.ranks[0].buffers.size() == 2);  // of gradients from rank 1
  CHECK(plan.ranks[1].buffers.size() <= 4);
  CHECK(plan.ranks[1].buffers.front() == Bytes(4));
  CHECK(plan.communicators.size() == 6);  // three neighbours, both ways
  CHECK(plan.ranks[1].streams == 5);      // computes, and two neighbours both ways
}

TEST_CASE("two messages that would meet though they are not the same are a fault") {
  const OpGraph graph = graph_of(make_schedule("gpipe", {2, 2, 1}), uniform_costs(3, 5, 4, 2));
  LaunchPlan plan = make_launch_plan(graph, Communicators::Pair);
  std::vector<Launch*> receives;
  for (Launch& launch : plan.ranks[1].list) {
    if (launch.kind == LaunchKind::Receive) receives.push_back(&launch);
  }
  REQUIRE(receives.size() == 2);
  std::swap(receives[0]->edge, receives[1]->edge);
  std::swap(receives[0]->vertex, receives[1]->vertex);
  CHECK(find_launch_fault(graph, plan) ==
        std::vector<std::string>{"rank 0: send behind F of stage 0, micro-batch 0, to rank 1 meets rank 1: "
                                 "receive for F of stage 1, micro-batch 1, from rank 0"});
}

}  // namespace
}  // namespace ppsim::test::launches_test
