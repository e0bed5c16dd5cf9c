// What single schedules promise beyond what all of them do (property_test.cpp).
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "ppsim/schedule/registry.hpp"
#include "ppsim/schedule/text/text.hpp"
#include "schedule/replay.hpp"

namespace ppsim::generators_test {
namespace {

using namespace std::chrono_literals;

ScheduleRequest request_of(const ScheduleInfo& info, Shape shape, const OptionValues& options = {}) {
  return {shape, complete_options(info, options), nullptr};
}

OptionValues group(std::int64_t members) {
  return {{"group", members}};
}

// DESIGN, 4: F = 1 ms, B = 2 ms, a hop of 2.5 MB / 50 GB/s + 5 us = 55 us.
TEST_CASE("the makespan that 1F1B states is that of the reference cases, to the nanosecond") {
  const ScheduleInfo& info = find_schedule("1f1b");
  const UniformCosts costs{1ms, 2ms, 1ms, 1ms, 55us};
  const auto makespan = [&](std::uint32_t P, std::uint32_t M) {
    return info.exact_makespan(request_of(info, {P, M, 1}), costs);
  };
  CHECK(makespan(8, 64) == Time(219'820'000));
  CHECK(makespan(32, 512) == Time(1'686'860'000));
  CHECK(makespan(64, 4096) == Time(12'927'340'000));
  CHECK(makespan(512, 8192) == Time(27'064'460'000));
}

TEST_CASE("outside its domain a schedule states no makespan") {
  const ScheduleInfo& f1b = find_schedule("1f1b");
  const ScheduleInfo& interleaved = find_schedule("interleaved");
  const auto costs = [](int hop) { return UniformCosts{Time(2), Time(3), Time(1), Time(2), Time(hop)}; };
  const auto states = [&](const ScheduleInfo& info, Shape shape, const OptionValues& options, int hop) {
    return info.exact_makespan(request_of(info, shape, options), costs(hop)).has_value();
  };
  CHECK(states(f1b, {4, 8, 1}, {}, 2));
  CHECK(!states(f1b, {4, 8, 1}, {}, 3));  // c > min(F, B)
  CHECK(states(f1b, {1, 8, 1}, {}, 3));   // no hop to pay
  CHECK(states(f1b, {4, 8, 1}, {{"slack", std::int64_t{1}}}, 0));
  CHECK(!states(f1b, {4, 8, 1}, {{"slack", std::int64_t{1}}}, 1));
  CHECK(!states(f1b, {4, 8, 1}, {{"warmup_per_hop", std::int64_t{3}}}, 1));
  CHECK(states(interleaved, {4, 8, 2}, {}, 2));
  CHECK(!states(interleaved, {4, 8, 2}, {}, 3));
  CHECK(states(interleaved, {4, 3, 2}, {}, 0));
  CHECK(!states(interleaved, {4, 3, 2}, {}, 1));        // M < P
  CHECK(!states(interleaved, {2, 7, 2}, group(4), 1));  // a ragged group
  CHECK(states(interleaved, {2, 8, 2}, group(4), 2));   // (G-P) min(F, B) = 4 = P c
  CHECK(!states(interleaved, {2, 8, 2}, group(4), 3));
}

// The forms of zero bubble and of DualPipe are too low outside W <= min(F, I).
TEST_CASE("the published zero-bubble and pair schedules state nothing outside their domains") {
  const auto states = [](const char* name, Shape shape, UniformCosts costs,
                         const OptionValues& options = {}) {
    const ScheduleInfo& info = find_schedule(name);
    return info.exact_makespan(request_of(info, shape, options), costs).has_value();
  };
  const UniformCosts unit{Time(1), Time(2), Time(1), Time(1), Time(0)};
  const UniformCosts long_w{Time(1), Time(3), Time(1), Time(2), Time(0)};
  const UniformCosts hop{Time(4), Time(8), Time(4), Time(4), Time(1)};
  for (const char* name : {"zb-h1", "zb-h2", "dualpipe"}) {
    CAPTURE(std::string(name));
    CHECK(states(name, {4, 8, 1}, unit));
    CHECK(!states(name, {4, 8, 1}, long_w));
  }
  for (const char* name : {"zbv", "dualpipev", "interleaved-zb"}) {
    CAPTURE(std::string(name));
    CHECK(states(name, {4, 8, 2}, unit));
    CHECK(!states(name, {4, 8, 2}, long_w));
  }
  CHECK(states("zb-h1", {4, 4, 1}, hop));
  CHECK(!states("zb-h1", {4, 3, 1}, unit));
  CHECK(!states("zb-h2", {4, 6, 1}, unit));
  CHECK(!states("zb-h2", {4, 8, 1}, hop));  // the span has a form with hops, the makespan none
  CHECK(find_schedule("zb-h2").exact_span(request_of(find_schedule("zb-h2"), {4, 8, 1}), hop));
  CHECK(!states("zbv", {4, 6, 2}, unit));
  CHECK(!states("zbv", {4, 8, 2}, {Time(2), Time(2), Time(1), Time(1), Time(0)}));
  CHECK(!states("chimera", {4, 6, 1}, unit));  // P does not divide M
  CHECK(!states("chimera", {4, 8, 1}, {Time(3), Time(2), Time(1), Time(1), Time(0)}));
  CHECK(!states("hanayo", {4, 6, 2}, unit));
  CHECK(!states("dualpipe", {4, 8, 1}, {Time(1), Time(8), Time(6), Time(1), Time(0)}));  // I far from F
  CHECK(!states("seq1f1b", {4, 8, 1}, hop));
  CHECK(!states("combined-1f1b", {4, 4, 2}, unit));  // no steady state
}

TEST_CASE("bidirectional schedules refuse odd halves and DualPipe what cannot fill the pipeline") {
  const auto reason = [](const char* name, Shape shape) {
    const ScheduleInfo& info = find_schedule(name);
    return why_not(info, request_of(info, shape)).value_or("fits");
  };
  CHECK(reason("chimera", {4, 6, 1}) == "fits");
  CHECK(reason("chimera", {3, 6, 1}) == "3 ranks: expected an even number");
  CHECK(reason("chimera", {4, 5, 1}) == "5 micro-batches: expected an even number, half a direction");
  CHECK(reason("dualpipe", {4, 8, 1}) == "fits");
  CHECK(reason("dualpipe", {4, 6, 1}) == "6 micro-batches with 4 ranks: expected at least 8");
  CHECK(reason("dualpipev", {4, 8, 2}) == "fits");
  CHECK(reason("dualpipev", {4, 7, 2}) == "7 micro-batches with 4 ranks: expected at least 8");
  CHECK(reason("dualpipev", {4, 8, 1}) == "1 chunks a rank: expected 2");
  CHECK(reason("pipedream-2bw", {4, 3, 1}) == "3 micro-batches a step with 4 ranks: expected at least 4");
}

TEST_CASE("interleaved takes legal groups and says of others what would be right") {
  const ScheduleInfo& info = find_schedule("interleaved");
  const auto reason = [&](std::uint32_t P, std::uint32_t M, const OptionValues& options = {}) {
    return why_not(info, request_of(info, {P, M, 2}, options)).value_or("fits");
  };
  CHECK(reason(4, 8) == "fits");            // G = P
  CHECK(reason(4, 10) == "fits");           // two rounds of 5
  CHECK(reason(4, 3) == "fits");            // M < P: G = M
  CHECK(reason(4, 7) == "fits");            // one round of 7
  CHECK(reason(2, 7, group(4)) == "fits");  // 3 left, at least P
  CHECK(reason(4, 8, group(8)) == "fits");
  CHECK(reason(4, 3, group(3)) == "fits");
  CHECK(reason(4, 9) ==  // two rounds do not divide 9
        "9 micro-batches do not divide into 2 rounds of at least 4 (one a rank): expected 8 or 12, or a "
        "\"group\" "
        "that leaves at least 4 for the last round");
  CHECK(reason(4, 8, group(3)) == "group 3 with 4 ranks: expected at least 4");
  CHECK(reason(4, 8, group(9)) == "group 9 with 8 micro-batches: expected at most 8");
  CHECK(reason(4, 3, group(4)) == "group 4 with 3 micro-batches: expected at most 3");
  CHECK(reason(4, 3, group(2)) == "group 2 with 4 ranks: expected at least 3");
  CHECK(reason(4, 10, group(4)) ==
        "group 4 leaves 2 of 10 micro-batches for the last round: expected none or at least 4 (one a rank)");
}

// SCHEDULES, 4.4 with the rule of section 1. What is legal also runs to its end.
TEST_CASE("interleaved takes every legal group and refuses every other") {
  const ScheduleInfo& info = find_schedule("interleaved");
  const UniformCosts costs{Time(1), Time(2), Time(1), Time(1), Time(0)};
  for (std::uint32_t P = 1; P <= 5; ++P) {
    for (std::uint32_t M = 1; M <= 12; ++M) {
      for (std::uint32_t G = 1; G <= M + 1; ++G) {
        const auto request = request_of(info, {P, M, 2}, group(G));
        const bool legal = (P <= G && G <= M && (M % G == 0 || M % G >= P)) || (M < P && G == M);
        CAPTURE(P);
        CAPTURE(M);
        CAPTURE(G);
        CHECK(why_not(info, request).has_value() != legal);
        if (legal) CHECK(Replay(make_schedule(info, request), costs).run());
      }
    }
  }
}

TEST_CASE("what interleaved offers instead of micro-batches that do not divide does fit") {
  const ScheduleInfo& info = find_schedule("interleaved");
  int refused = 0;
  for (std::uint32_t P = 1; P <= 12; ++P) {
    for (std::uint32_t M = 1; M <= 40; ++M) {
      if (!why_not(info, request_of(info, {P, M, 2}))) continue;
      ++refused;
      CHECK(!why_not(info, request_of(info, {P, M / P * P, 2})));
      CHECK(!why_not(info, request_of(info, {P, (M / P + 1) * P, 2})));
    }
  }
  CHECK(refused > 0);
}

TEST_CASE("interleaved with one chunk has the warm-up of eager 1F1B") {
  const ScheduleInfo& interleaved = find_schedule("interleaved");
  const ScheduleInfo& f1b = find_schedule("1f1b");
  for (std::uint32_t P = 1; P <= 6; ++P) {
    const Schedule chunks = make_schedule(interleaved, request_of(interleaved, {P, 2 * P, 1}));
    const Schedule eager =
        make_schedule(f1b, request_of(f1b, {P, 2 * P, 1}, {{"warmup_per_hop", std::int64_t{2}}}));
    CHECK(to_csv(chunks) == to_csv(eager));
  }
}

TEST_CASE("1F1B with all the slack there is runs GPipe's order") {
  const ScheduleInfo& f1b = find_schedule("1f1b");
  const ScheduleInfo& gpipe = find_schedule("gpipe");
  CHECK(to_csv(make_schedule(f1b, request_of(f1b, {4, 8, 1}, {{"slack", std::int64_t{8}}}))) ==
        to_csv(make_schedule(gpipe, request_of(gpipe, {4, 8, 1}))));
}

// SCHEDULES 4.3: (M+P-1)(F+B) at c = 0 for every h, e and M; property_test varies one option at a time.
TEST_CASE("free hops make 1F1B's makespan the same for every warm-up") {
  const ScheduleInfo& info = find_schedule("1f1b");
  const UniformCosts costs{Time(2), Time(3), Time(1), Time(2), Time(0)};
  for (std::int64_t h = 1; h <= 4; ++h) {
    for (std::int64_t e = 0; e <= 4; ++e) {
      for (std::uint32_t M = 1; M <= 9; ++M) {
        CAPTURE(h);
        CAPTURE(e);
        CAPTURE(M);
        const auto request = request_of(info, {4, M, 1}, {{"warmup_per_hop", h}, {"slack", e}});
        const auto replayed = Replay(make_schedule(info, request), costs).run();
        REQUIRE(replayed);
        CHECK(replayed->makespan == (M + 3) * Time(5));
      }
    }
  }
}

TEST_CASE("GPipe goes backward in the order that is asked for") {
  const ScheduleInfo& info = find_schedule("gpipe");
  const auto csv = [&](const char* order) {
    return to_csv(make_schedule(info, request_of(info, {1, 3, 1}, {{"backward_order", std::string(order)}})));
  };
  CHECK(csv("ascending") == "0F0,0F1,0F2,0B0,0B1,0B2\n");
  CHECK(csv("descending") == "0F0,0F1,0F2,0B2,0B1,0B0\n");
}

TEST_CASE("inference runs a prefill and each token step of all requests in turn, forward only") {
  const ScheduleInfo& info = find_schedule("inference");
  CHECK(info.forward_only);
  const auto request = request_of(info, {2, 2, 1}, {{"decode_steps", std::int64_t{1}}});
  const Schedule schedule = make_schedule(info, request);
  CHECK(to_csv(schedule) == "0F0,0F1,0F2,0F3\n1F0,1F1,1F2,1F3\n");
  CHECK(schedule.requests == 2);
  CHECK(schedule.micro_batches == 4);
  // One request on two ranks, F = 2, c = 1: prefill 2 + 1 + 2, then each of three tokens goes round in 2 (2 +
  // 1).
  const UniformCosts costs{Time(2), Time(0), Time(0), Time(0), Time(1)};
  const auto single = request_of(info, {2, 1, 1}, {{"decode_steps", std::int64_t{3}}});
  CHECK(info.exact_makespan(single, costs) == Time(5 + 3 * 6));
  CHECK(Replay(make_schedule(info, single), costs).run()->makespan == Time(23));
}

TEST_CASE("inference refuses more token steps than ops can be counted") {
  const ScheduleInfo& info = find_schedule("inference");
  const auto reason =
      why_not(info, request_of(info, {1024, 1024, 1}, {{"decode_steps", std::int64_t{999'999}}}));
  CHECK(reason ==
        "1024 stages with 1024000000 micro-batches (slices, token steps, steps counted): expected at most "
        "1073741824 of both multiplied");
}

TEST_CASE("the replay of these tests finds a deadlock") {
  // Rank 0 wants the gradient of micro-batch 1 before it sends micro-batch 1.
  Schedule stuck = parse_csv("0F0,0B0,0F1,0B1\n1F0,1B0,1F1,1B1\n", "f.csv").schedule;
  const UniformCosts unit{Time(1), Time(2), Time(1), Time(1), Time(0)};
  CHECK(Replay(stuck, unit).run());
  std::swap(stuck.ops[1].micro_batch, stuck.ops[3].micro_batch);
  CHECK(!Replay(stuck, unit).run());
}

}  // namespace
}  // namespace ppsim::generators_test
