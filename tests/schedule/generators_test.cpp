// Every registered schedule, over many shapes: legal, as long and as large as its own closed forms say.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "ppsim/core/error.hpp"
#include "ppsim/schedule/check.hpp"
#include "ppsim/schedule/text.hpp"
#include "shapes.hpp"

using namespace ppsim;

namespace {

std::string label(const ScheduleInfo& info, const ScheduleRequest& request) {
  return fmt::format("{} P={} M={} V={}", info.name, request.shape.ranks, request.shape.micro_batches,
                     request.shape.chunks);
}

using Times = std::map<std::pair<std::uint32_t, std::uint32_t>, std::int64_t>;  // (stage, micro-batch) -> end

// The timing behind the closed forms, written as the words say it and as slowly: a rank runs its list in
// order, an op starts when the rank is free and its inputs are there, a hop later if they come from another
// rank. No graph, no engine.
std::int64_t replay(const Schedule& schedule, const UniformCosts& costs) {
  Times forward, gradient;
  std::vector<std::size_t> next(schedule.ranks());
  std::vector<std::int64_t> clock(schedule.ranks());
  const auto arrival = [&](const Times& ended, std::uint32_t stage, std::uint32_t m,
                           Rank rank) -> std::int64_t {
    const auto found = ended.find({stage, m});
    if (found == ended.end()) return -1;
    const Rank from =
        schedule.placement.rank_of(static_cast<Stage>(stage), schedule.direction(MicroBatch{m}));
    return found->second + (from == rank ? 0 : costs.hop.count());
  };
  for (bool moved = true; moved;) {
    moved = false;
    for (std::uint32_t r = 0; r < schedule.ranks(); ++r) {
      const auto program = schedule.program(Rank{r});
      while (next[r] < program.size()) {
        const Op op = program[next[r]];
        const auto s = static_cast<std::uint32_t>(index(op.stage));
        const auto m = static_cast<std::uint32_t>(index(op.micro_batch));
        const bool is_forward = op.kind == OpKind::Forward;
        std::int64_t ready = 0;
        if (is_forward && s > 0) ready = arrival(forward, s - 1, m, Rank{r});
        if (is_forward && s == 0 && schedule.requests > 0 && m >= schedule.requests) {
          ready = arrival(forward, schedule.stages() - 1, m - schedule.requests, Rank{r});
        }
        if (needs_gradient(op.kind) && s + 1 < schedule.stages())
          ready = arrival(gradient, s + 1, m, Rank{r});
        if (ready < 0) break;
        Time duration = costs.forward;
        if (op.kind == OpKind::Backward) duration = costs.backward;
        if (op.kind == OpKind::InputGrad) duration = costs.input_grad;
        if (op.kind == OpKind::WeightGrad) duration = costs.weight_grad;
        clock[r] = std::max(clock[r], ready) + duration.count();
        if (is_forward) forward[{s, m}] = clock[r];
        if (needs_gradient(op.kind)) gradient[{s, m}] = clock[r];
        ++next[r];
        moved = true;
      }
    }
  }
  for (std::uint32_t r = 0; r < schedule.ranks(); ++r) {
    REQUIRE_MESSAGE(next[r] == schedule.program(Rank{r}).size(), "deadlock at rank ", r);
  }
  return *std::max_element(clock.begin(), clock.end());
}

std::uint64_t peak_of(std::span<const Op> program) {
  std::uint64_t live = 0, peak = 0;
  for (const Op op : program) {
    if (op.kind == OpKind::Forward) peak = std::max(peak, ++live);
    if (op.kind == OpKind::Backward || op.kind == OpKind::WeightGrad) --live;
  }
  return peak;
}

}  // namespace

TEST_CASE("the built-in schedules are these, so none was lost when the archive was linked") {
  std::vector<std::string> names;
  for (const ScheduleInfo* info : all_schedules()) names.push_back(info->name);
  CHECK(names == std::vector<std::string>{"1f1b", "gpipe", "inference", "interleaved", "naive"});
}

TEST_CASE("every schedule says what it is and where it comes from") {
  for (const ScheduleInfo* info : all_schedules()) {
    CAPTURE(info->name);
    for (const std::string* text : {&info->summary, &info->source, &info->placement, &info->makespan.text,
                                    &info->bubble.text, &info->peak.text}) {
      CHECK_FALSE(text->empty());
    }
    CHECK_FALSE(fitting_requests(*info).empty());
    for (const OptionSpec& option : info->options) CHECK_FALSE(option.help.empty());
  }
}

TEST_CASE("every schedule is legal on every shape that fits, twice the same, and survives its text form") {
  for (const ScheduleInfo* info : all_schedules()) {
    for (const ScheduleRequest& request : fitting_requests(*info)) {
      CAPTURE(label(*info, request));
      const Schedule schedule = make_schedule(*info, request);
      CHECK(check_order(schedule).empty());
      CHECK(make_schedule(*info, request) == schedule);
      CHECK(schedule.ops.capacity() == schedule.ops.size());
      const Schedule read = parse_csv(to_csv(schedule), "file.csv").schedule;
      CHECK(read.ops == schedule.ops);
      CHECK(read.rank_begin == schedule.rank_begin);
      CHECK(read.placement == schedule.placement);
      CHECK(read.micro_batches == schedule.micro_batches);
      CHECK(read.forward_only == schedule.forward_only);
    }
  }
}

TEST_CASE("every schedule takes exactly as long as its closed form says, in the domain of the form") {
  for (const ScheduleInfo* info : all_schedules()) {
    std::size_t compared = 0;
    for (const ScheduleRequest& request : fitting_requests(*info)) {
      for (const auto& [F, I, W, c] : std::vector<std::array<std::int64_t, 4>>{{1, 1, 1, 0},
                                                                               {3, 3, 2, 0},
                                                                               {7, 5, 4, 0},
                                                                               {10, 10, 10, 1},
                                                                               {7, 5, 4, 3},
                                                                               {5, 7, 4, 5},
                                                                               {3, 4, 3, 9}}) {
        const UniformCosts costs{Time(F), Time(I + W), Time(I), Time(W), Time(c)};
        if (!info->exact_makespan) continue;
        const auto expected = info->exact_makespan(request, costs);
        if (!expected) continue;
        CAPTURE(label(*info, request));
        CAPTURE(c);
        CHECK(replay(make_schedule(*info, request), costs) == expected->count());
        ++compared;
      }
    }
    MESSAGE(info->name, ": ", compared, " makespans compared");
    CHECK(compared > 100);
  }
}

TEST_CASE("every schedule holds as many activations as its closed form says") {
  for (const ScheduleInfo* info : all_schedules()) {
    for (const ScheduleRequest& request : fitting_requests(*info)) {
      if (!info->exact_peak) continue;
      CAPTURE(label(*info, request));
      const Schedule schedule = make_schedule(*info, request);
      for (std::uint32_t r = 0; r < schedule.ranks(); ++r) {
        const auto expected = info->exact_peak(request, Rank{r});
        if (expected) CHECK(peak_of(schedule.program(Rank{r})) == *expected);
      }
    }
  }
}

TEST_CASE("warm-up options of 1f1b keep the makespan and raise the peak as their forms say") {
  const ScheduleInfo& info = find_schedule("1f1b");
  for (std::int64_t h : {1, 2, 3}) {
    for (std::int64_t e : {0, 1, 4}) {
      const OptionValues options = complete_options(info, {{"warmup_per_hop", h}, {"slack", e}});
      for (std::uint32_t P : {1, 3, 5}) {
        for (std::uint32_t M : {1, 4, 11}) {
          CAPTURE(P);
          CAPTURE(M);
          const ScheduleRequest request{{P, M, 1}, options, nullptr};
          const Schedule schedule = make_schedule(info, request);
          CHECK(check_order(schedule).empty());
          CHECK(replay(schedule, {Time(2), Time(5), {}, {}, {}}) == (M + P - 1) * 7);
          // Eager with a hop: each direction's ramp pays it once.
          if (h == 2 && e == 0)
            CHECK(replay(schedule, {Time(2), Time(5), {}, {}, Time(2)}) == (M + P - 1) * 7 + 4 * (P - 1));
          for (std::uint32_t r = 0; r < P; ++r)
            CHECK(peak_of(schedule.program(Rank{r})) == *info.exact_peak(request, Rank{r}));
        }
      }
    }
  }
}

TEST_CASE("interleaving takes any legal group and refuses the others in one line") {
  const ScheduleInfo& info = find_schedule("interleaved");
  for (std::uint32_t P = 1; P <= 5; ++P) {
    for (std::uint32_t M = 1; M <= 12; ++M) {
      for (std::uint32_t G = 1; G <= M + 1; ++G) {
        const ScheduleRequest request{
            {P, M, 2}, complete_options(info, {{"group", std::int64_t{G}}}), nullptr};
        const bool legal = (P <= G && G <= M && (M % G == 0 || M % G >= P)) || (M < P && G == M);
        CAPTURE(label(info, request));
        CAPTURE(G);
        const auto reason = info.why_not(request);
        CHECK(reason.has_value() != legal);
        if (reason) CHECK(reason->find('\n') == std::string::npos);
        if (legal) CHECK(replay(make_schedule(info, request), {Time(1), Time(2), {}, {}, {}}) > 0);
      }
    }
  }
  const ScheduleRequest request{{4, 10, 2}, complete_options(info, {}), nullptr};
  CHECK_FALSE(info.why_not(request));  // 2 rounds of 5
  const ScheduleRequest ragged{{4, 13, 2}, complete_options(info, {}), nullptr};
  CHECK_THROWS_AS((void)make_schedule(info, ragged), Error);
}
