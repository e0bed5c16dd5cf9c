// zb-auto and zbv-auto beyond what all schedules are tested for: what their options mean, and what they
// refuse.
#include <doctest/doctest.h>

#include <limits>
#include <random>

#include "ppsim/schedule/registry.hpp"
#include "ppsim/schedule/text/text.hpp"
#include "schedule/replay.hpp"
#include "schedule/requests.hpp"

namespace ppsim::auto_test {
namespace {

const UniformCosts kCosts{Time(5), Time(10), Time(6), Time(4), Time(1)};

Schedule make(const char* name, Shape shape, const Workload& workload, const OptionValues& options = {}) {
  const ScheduleInfo& info = find_schedule(name);
  return make_schedule(info, {shape, complete_options(info, options), &workload});
}

OptionValues limit(double times) {
  return {{"limit", MemoryLimit{times, {}}}};
}
OptionValues limit_bytes(std::int64_t bytes) {
  return {{"limit", MemoryLimit{0, Bytes(bytes)}}};
}

std::string reason(const char* name, Shape shape, const Workload* workload,
                   const OptionValues& options = {}) {
  const ScheduleInfo& info = find_schedule(name);
  return why_not(info, {shape, complete_options(info, options), workload}).value_or("fits");
}

std::uint64_t largest_peak(const Schedule& schedule) {
  std::uint64_t peak = 0;
  for (std::uint32_t rank = 0; rank < schedule.ranks(); ++rank)
    peak = std::max(peak, replayed_peak(schedule, Rank{rank}));
  return peak;
}

TEST_CASE("zb-1p and zb-2p are zb-auto under their limits") {
  const Workload workload = uniform_workload({4, 12, 1}, kCosts);
  for (const auto& [name, times] : {std::pair{"zb-1p", 1.0}, std::pair{"zb-2p", 2.0}}) {
    const Schedule made = make(name, {4, 12, 1}, workload);
    CHECK(made.name == name);
    CHECK(made.ops == make("zb-auto", {4, 12, 1}, workload, limit(times)).ops);
  }
}

TEST_CASE("a limit in p, as a number and in bytes mean the same where they allow the same") {
  const Workload linear = uniform_workload({4, 12, 1}, kCosts), chunks = uniform_workload({4, 12, 2}, kCosts);
  // A micro-batch takes 2 bytes on a rank, a chunk as many: 1.5 x 4 x 2 and 3 x 4 x 2.
  CHECK(make("zb-auto", {4, 12, 1}, linear, limit(1.5)) ==
        make("zb-auto", {4, 12, 1}, linear, limit_bytes(12)));
  CHECK(make("zb-auto", {4, 12, 1}, linear, limit(1.5)) != make("zb-auto", {4, 12, 1}, linear, limit(1)));
  CHECK(make("zbv-auto", {4, 12, 2}, chunks, limit(3)) ==
        make("zbv-auto", {4, 12, 2}, chunks, limit_bytes(24)));
  CHECK(make("zbv-auto", {4, 12, 2}, chunks) == make("zbv-auto", {4, 12, 2}, chunks, limit(2)));
  CHECK(make("zb-auto", {4, 12, 1}, linear) == make("zb-auto", {4, 12, 1}, linear, limit(1)));
  // 0.57 in binary is a little less: 57 micro-batches of 2 bytes all the same.
  const Workload many = uniform_workload({100, 120, 1}, kCosts);
  CHECK(make("zb-auto", {100, 120, 1}, many, limit(0.57)) ==
        make("zb-auto", {100, 120, 1}, many, limit_bytes(114)));
  CHECK(make("zb-auto", {100, 120, 1}, many, limit(0.57)) !=
        make("zb-auto", {100, 120, 1}, many, limit_bytes(113)));
  // More than all micro-batches is never needed, however much it is.
  CHECK(make("zb-auto", {4, 12, 1}, linear, limit(3)) == make("zb-auto", {4, 12, 1}, linear, limit(1e300)));
  CHECK(make("zbv-auto", {4, 12, 2}, chunks, limit(20)) ==
        make("zbv-auto", {4, 12, 2}, chunks, limit(1e300)));
}

TEST_CASE("without activation sizes a limit in p counts what is live until its W") {
  for (const char* name : {"zb-auto", "zbv-auto"}) {
    CAPTURE(std::string(name));
    const Shape shape{4, 12, name == std::string("zb-auto") ? 1U : 2U};
    Workload unknown = uniform_workload(shape, kCosts), kept_until_w = unknown;
    for (StageCosts& stage : unknown.stages)
      stage.activation = stage.activation_freed_at_input_grad = Bytes(0);
    for (StageCosts& stage : kept_until_w.stages) stage.activation_freed_at_input_grad = Bytes(0);
    const Schedule counted = make(name, shape, unknown, limit(2));
    CHECK(counted == make(name, shape, kept_until_w, limit(2)));
    CHECK(largest_peak(counted) <= 8);
    CHECK(reason(name, shape, &unknown, limit_bytes(1000)) ==
          "the limit is in bytes, and stage 0 keeps 0 bytes of a micro-batch: expected its activation, or a "
          "limit like \"2p\"");
  }
}

TEST_CASE("a limit that is too small is refused with the least that fits") {
  const Workload linear = uniform_workload({3, 6, 1}, kCosts), chunks = uniform_workload({3, 6, 2}, kCosts);
  CHECK(reason("zb-auto", {3, 6, 1}, &linear, limit(0.3)) ==
        "limit 0.3p with 3 ranks: expected at least 0.3334p, the activations of one micro-batch on stage 0");
  CHECK(reason("zb-auto", {3, 6, 1}, &linear, limit(0.3334)) == "fits");
  CHECK(reason("zb-auto", {3, 6, 1}, &linear, limit_bytes(1)) ==
        "limit 1 B: expected at least 2 B, the activations of one micro-batch on stage 0");
  CHECK(reason("zb-auto", {3, 6, 1}, &linear, limit_bytes(2)) == "fits");
  CHECK(reason("zbv-auto", {3, 6, 2}, &chunks, limit(1.9)) ==
        "limit 1.9p with 3 ranks: expected at least 2p, the activations of 2P = 6 chunks");
  CHECK(reason("zbv-auto", {3, 6, 2}, &chunks, limit_bytes(11)) ==
        "limit 11 B: expected at least 12 B, the activations of 2P = 6 chunks");
  CHECK(reason("zbv-auto", {3, 6, 2}, &chunks, limit_bytes(12)) == "fits");
}

TEST_CASE("a schedule that looks at costs is refused without them, and where clocks would overflow") {
  CHECK(reason("zb-auto", {3, 6, 1}, nullptr) ==
        "it looks at the costs of the stages: expected a request with costs");
  CHECK(reason("zbv-auto", {3, 6, 2}, nullptr) ==
        "it looks at the costs of the stages: expected a request with costs");
  Workload endless = uniform_workload({3, 6, 1}, kCosts);
  endless.stages[1].ops[OpKind::WeightGrad].duration = kMostTime;
  CHECK(reason("zb-auto", {3, 6, 1}, &endless) ==
        "all durations together pass 2^62 ns (146 years): expected shorter ops or fewer of them");
  Workload stuck = uniform_workload({3, 6, 1}, kCosts);
  stuck.stages[0].forward_transfer = Bytes(std::numeric_limits<std::int64_t>::max());
  CHECK(reason("zb-auto", {3, 6, 1}, &stuck) ==
        "all durations together pass 2^62 ns (146 years): expected shorter ops or fewer of them");
}

TEST_CASE("the hop that a schedule looks at is the slowest transfer, either way") {
  for (const char* name : {"zb-auto", "zbv-auto"}) {
    CAPTURE(std::string(name));
    const Shape shape{4, 12, name == std::string("zb-auto") ? 1U : 2U};
    UniformCosts slow = kCosts;
    slow.hop = Time(5);
    const Schedule expected = make(name, shape, uniform_workload(shape, slow), limit(2));
    CHECK(make(name, shape, uniform_workload(shape, kCosts), limit(2)) != expected);
    Workload workload = uniform_workload(shape, kCosts);  // a hop takes 1 ns and 1 ns a byte
    workload.network = Network::point_to_point(4, {BytesPerSecond(1'000'000'000), kCosts.hop});
    workload.stages[2].backward_transfer = Bytes(4);
    CHECK(make(name, shape, workload, limit(2)) == expected);
    workload.stages[2].backward_transfer = Bytes(0);
    workload.stages[0].forward_transfer = Bytes(4);
    CHECK(make(name, shape, workload, limit(2)) == expected);
    // Nothing follows the last stage's forward and the first stage's backward.
    workload.stages[0].forward_transfer = Bytes(0);
    workload.stages[0].backward_transfer = workload.stages.back().forward_transfer = Bytes(4);
    CHECK(make(name, shape, workload, limit(2)) != expected);
  }
}

TEST_CASE("each objective of zb-auto is at least as good in its own measure") {
  std::mt19937 random(3);
  const auto up_to = [&](std::uint32_t most) { return static_cast<std::int64_t>(1 + random() % most); };
  int differ = 0;
  for (int i = 0; i < 200; ++i) {
    const Shape shape{static_cast<std::uint32_t>(up_to(8)), static_cast<std::uint32_t>(up_to(24)), 1};
    const Time I(up_to(20)), W(up_to(20));
    const UniformCosts costs{Time(up_to(20)), I + W, I, W, Time(up_to(9) - 1)};
    const Workload workload = uniform_workload(shape, costs);
    OptionValues options = limit(1 + static_cast<double>(i % 9) / 4);
    options["objective"] = std::string("span");
    const auto by_span = Replay(make("zb-auto", shape, workload, options), costs).run();
    options["objective"] = std::string("makespan");
    const auto by_makespan = Replay(make("zb-auto", shape, workload, options), costs).run();
    CHECK(by_span->max_rank_span <= by_makespan->max_rank_span);
    CHECK(by_makespan->makespan <= by_span->makespan);
    differ += by_span->makespan != by_makespan->makespan ? 1 : 0;
  }
  CHECK(differ > 10);
}

TEST_CASE("outside equal ops, free hops and their limits the automatic schedules state nothing") {
  const UniformCosts unit{Time(2), Time(4), Time(2), Time(2), Time(0)};
  const auto states = [&](const char* name, Shape shape, const UniformCosts& costs,
                          const OptionValues& options) {
    const ScheduleInfo& info = find_schedule(name);
    const ScheduleRequest request{shape, complete_options(info, options), nullptr};
    return std::pair(info.exact_makespan(request, costs).has_value(),
                     info.exact_span(request, costs).has_value());
  };
  UniformCosts hop = unit, long_w = unit;
  hop.hop = Time(1);
  long_w.weight_grad = Time(3);
  CHECK(states("zb-auto", {4, 7, 1}, unit, limit(1)) == std::pair(true, true));
  CHECK(states("zb-auto", {4, 7, 1}, unit, limit(1.5)) == std::pair(true, false));
  CHECK(states("zb-auto", {4, 7, 1}, unit, limit(2)) == std::pair(true, true));
  CHECK(states("zb-auto", {4, 6, 1}, unit, limit(2)) == std::pair(true, false));
  CHECK(states("zb-auto", {4, 7, 1}, unit, limit(0.5)) == std::pair(false, false));
  CHECK(states("zb-auto", {4, 7, 1}, unit, limit_bytes(100)) == std::pair(false, false));
  CHECK(states("zb-auto", {4, 3, 1}, unit, limit(1)) == std::pair(false, false));
  CHECK(states("zbv-auto", {4, 7, 2}, unit, {}) == std::pair(true, true));
  CHECK(states("zbv-auto", {4, 6, 2}, unit, {}) == std::pair(true, false));
  CHECK(states("zbv-auto", {4, 3, 2}, unit, {}) == std::pair(false, false));
  for (const UniformCosts& costs : {hop, long_w}) {
    CHECK(states("zb-auto", {4, 8, 1}, costs, limit(1)) == std::pair(false, false));
    CHECK(states("zbv-auto", {4, 8, 2}, costs, {}) == std::pair(false, false));
  }
}

}  // namespace
}  // namespace ppsim::auto_test
