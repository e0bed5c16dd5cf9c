// What holds for every registered schedule, over all small shapes. Closed forms that a schedule states are
// held against the replay of its order.
#include <doctest/doctest.h>

#include <map>

#include "ppsim/schedule/check/check.hpp"
#include "ppsim/schedule/text/text.hpp"
#include "schedule/replay.hpp"
#include "schedule/requests.hpp"
#include "support.hpp"

namespace ppsim::property_test {
namespace {

UniformCosts costs_of(int forward, int input_grad, int weight_grad, int hop) {
  return {Time(forward), Time(input_grad + weight_grad), Time(input_grad), Time(weight_grad), Time(hop)};
}

// An overlapped pair takes less than its halves one after the other.
UniformCosts pair_of(int forward, int input_grad, int weight_grad, int pair) {
  UniformCosts costs = costs_of(forward, input_grad, weight_grad, 0);
  costs.pair = Time(pair);
  return costs;
}

// Recomputation as an op of its own.
UniformCosts recompute_of(int forward, int backward, int recompute) {
  UniformCosts costs = costs_of(forward, backward, 0, 0);
  costs.recompute = Time(recompute);
  return costs;
}

// Enough shapes for a schedule that refuses nearly everything to be noticed.
constexpr int kEnough = kSanitized ? 5 : 20;

TEST_CASE("every schedule runs each op once, in an order that each rank can keep") {
  const int fewest = for_each_request(costs_of(1, 1, 1, 0), [](const auto& info, const auto& request) {
    const Schedule schedule = make_schedule(info, request);
    const auto faults = check_order(schedule);
    if (faults.empty()) return;
    FAIL_CHECK(describe(info, request) << ": " << to_string(faults.front()));
  });
  CHECK(fewest >= kEnough);
}

TEST_CASE("every schedule has the ranks, stages, forwards and name that were asked for") {
  for_each_request(costs_of(1, 1, 1, 0), [](const auto& info, const auto& request) {
    const Schedule schedule = make_schedule(info, request);
    const auto [P, M, V] = request.shape;
    std::size_t forwards = 0;
    for (const Op op : schedule.ops) forwards += op.kind == OpKind::Forward ? 1 : 0;
    const bool right = schedule.name == info.name && schedule.ranks() == P && schedule.stages() == P * V &&
                       schedule.micro_batches % M == 0 && schedule.rank_begin.size() == P + 1 &&
                       schedule.rank_begin.front() == 0 &&
                       schedule.rank_begin.back() == schedule.ops.size() &&
                       forwards == std::size_t{schedule.stages()} * schedule.micro_batches &&
                       schedule.forward_only == info.forward_only;
    if (!right) FAIL_CHECK(describe(info, request));
  });
}

TEST_CASE("every schedule reserves exactly the room that its ops take") {
  for_each_request(costs_of(1, 1, 1, 0), [](const auto& info, const auto& request) {
    const Schedule schedule = make_schedule(info, request);
    if (schedule.ops.capacity() != schedule.ops.size()) FAIL_CHECK(describe(info, request));
  });
}

TEST_CASE("the same request gives the same schedule") {
  for_each_request(costs_of(3, 2, 1, 1), [](const auto& info, const auto& request) {
    if (make_schedule(info, request) != make_schedule(info, request)) FAIL_CHECK(describe(info, request));
  });
}

TEST_CASE("every schedule reads back from its text as it was written") {
  for_each_request(costs_of(1, 1, 1, 0), [](const auto& info, const auto& request) {
    const Schedule schedule = make_schedule(info, request);
    const auto [read, note] = parse_csv(to_csv(schedule), "f.csv");
    const bool same = read.placement == schedule.placement && read.ops == schedule.ops &&
                      read.rank_begin == schedule.rank_begin && read.directions == schedule.directions &&
                      read.micro_batches == schedule.micro_batches &&
                      read.recompute_ahead == schedule.recompute_ahead &&
                      read.forward_only == schedule.forward_only && note.empty();
    if (!same) FAIL_CHECK(describe(info, request));
  });
}

TEST_CASE("the peak that a schedule states is what its order gives") {
  std::map<std::string, int> compared;
  for_each_request(costs_of(1, 1, 1, 0), [&](const auto& info, const auto& request) {
    if (!info.exact_peak) return;
    const Schedule schedule = make_schedule(info, request);
    for (std::uint32_t rank = 0; rank < schedule.ranks(); ++rank) {
      const auto stated = info.exact_peak(request, Rank{rank});
      if (!stated) continue;
      ++compared[info.name];
      const std::uint64_t replayed = replayed_peak(schedule, Rank{rank});
      if (*stated == replayed) continue;
      FAIL_CHECK(describe(info, request) << " rank " << rank << ": " << *stated << ", replayed " << replayed);
    }
  });
  for (const ScheduleInfo* info : all_schedules()) {
    CAPTURE(info->name);
    CHECK((!info->exact_peak || compared[info->name] >= kEnough));
  }
}

// Hops from none to longer than any op, with F longer and shorter than B, and each of F, I, W free.
TEST_CASE("the makespan that a schedule states is what a replay of its order takes") {
  const UniformCosts cases[] = {
      costs_of(1, 1, 1, 0),  costs_of(1, 1, 1, 1),  costs_of(2, 1, 3, 1),  costs_of(2, 1, 3, 2),
      costs_of(5, 1, 1, 2),  costs_of(5, 1, 1, 3),  costs_of(3, 4, 0, 3),  costs_of(0, 2, 1, 0),
      costs_of(2, 0, 0, 0),  costs_of(7, 8, 5, 1),  costs_of(1, 2, 1, 9),  costs_of(13, 1, 1, 7),
      costs_of(4, 4, 2, 1),  pair_of(4, 3, 2, 8),   pair_of(4, 3, 2, 5),   pair_of(4, 4, 3, 7),
      pair_of(3, 4, 2, 9),   recompute_of(1, 2, 1), recompute_of(2, 3, 7), recompute_of(6, 1, 2),
      recompute_of(3, 5, 2),
  };
  std::map<std::string, int> compared, with_hops;
  for (const UniformCosts& costs : cases) {
    for_each_request(costs, [&](const auto& info, const auto& request) {
      if (!info.exact_makespan) return;
      const auto stated = info.exact_makespan(request, costs);
      if (!stated) return;
      ++compared[info.name];
      if (costs.hop > Time{} && request.shape.ranks > 1) ++with_hops[info.name];
      const Schedule schedule = make_schedule(info, request);
      const auto replayed = Replay(schedule, costs).run();
      if (replayed && replayed->makespan == *stated) return;
      FAIL_CHECK(describe(info, request)
                 << " F=" << costs.forward.count() << " I=" << costs.input_grad.count()
                 << " W=" << costs.weight_grad.count() << " c=" << costs.hop.count() << ": "
                 << stated->count() << ", replayed " << (replayed ? replayed->makespan.count() : -1));
    });
  }
  for (const ScheduleInfo* info : all_schedules()) {
    CAPTURE(info->name);
    CHECK((!info->exact_makespan || compared[info->name] >= kEnough));
  }
  for (const char* name : {"naive", "gpipe", "1f1b", "eager-1f1b", "interleaved", "interleaved-zb",
                           "looped-bfs", "zb-h1", "terapipe", "pipedream-2bw", "inference"}) {
    CAPTURE(name);
    CHECK(with_hops[name] >= kEnough);
  }
}

// A rank's span is the makespan where a schedule says nothing else.
TEST_CASE("the rank span that a schedule states is what a replay of its order takes") {
  const UniformCosts cases[] = {
      costs_of(1, 1, 1, 0), costs_of(2, 2, 2, 1), costs_of(3, 4, 2, 1),
      costs_of(4, 3, 2, 0), costs_of(5, 6, 4, 2), costs_of(1, 3, 1, 0),
  };
  std::map<std::string, int> compared;
  for (const UniformCosts& costs : cases) {
    for_each_request(costs, [&](const auto& info, const auto& request) {
      if (!info.exact_span) return;
      const auto stated = info.exact_span(request, costs);
      if (!stated) return;
      ++compared[info.name];
      const auto replayed = Replay(make_schedule(info, request), costs).run();
      if (replayed && replayed->max_rank_span == *stated) return;
      FAIL_CHECK(describe(info, request)
                 << " F=" << costs.forward.count() << " I=" << costs.input_grad.count()
                 << " W=" << costs.weight_grad.count() << " c=" << costs.hop.count() << ": "
                 << stated->count() << ", replayed " << (replayed ? replayed->max_rank_span.count() : -1));
    });
  }
  for (const ScheduleInfo* info : all_schedules()) {
    CAPTURE(info->name);
    CHECK((!info->exact_span || compared[info->name] >= kEnough));
    CHECK(info->span.text.empty() == !info->exact_span);
  }
}

TEST_CASE("no schedule deadlocks, whatever the costs") {
  for_each_request(costs_of(3, 2, 1, 2), [](const auto& info, const auto& request) {
    const Schedule schedule = make_schedule(info, request);
    if (!Replay(schedule, costs_of(3, 2, 1, 2)).run()) FAIL_CHECK(describe(info, request));
  });
}

}  // namespace
}  // namespace ppsim::property_test
