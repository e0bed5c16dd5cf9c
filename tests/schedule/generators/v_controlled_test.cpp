// V-Half and V-Min beyond what all schedules are tested for: many micro-batches, many ranks, blocks as they
// are.
#include <doctest/doctest.h>

#include <algorithm>

#include "ppsim/schedule/check/check.hpp"
#include "ppsim/schedule/registry.hpp"
#include "schedule/replay.hpp"
#include "support.hpp"

namespace ppsim::v_controlled_test {
namespace {

const UniformCosts kUnit{Time(1), Time(2), Time(1), Time(1), Time(0)};

ScheduleRequest request_of(const ScheduleInfo& info, std::uint32_t P, std::uint32_t M, const char* compact) {
  return {{P, M, 2}, complete_options(info, {{"compact", std::string(compact)}}), nullptr};
}

Op later(Op op) {
  op.micro_batch = static_cast<MicroBatch>(index(op.micro_batch) + 1);
  return op;
}

// True where `longer` is `program` with six ops put in at one place and a micro-batch more behind it: so many
// ops are equal from the front, and the rest, but for the six, from the back.
bool has_one_block_more(std::span<const Op> program, std::span<const Op> longer) {
  const auto front = std::mismatch(program.begin(), program.end(), longer.begin()).first - program.begin();
  const auto back = std::mismatch(program.rbegin(), program.rend(), longer.rbegin(),
                                  [](Op op, Op more) { return later(op) == more; })
                        .first -
                    program.rbegin();
  return longer.size() == program.size() + 6 && front + back >= static_cast<std::ptrdiff_t>(program.size());
}

// Up to 2P+4 micro-batches a schedule is compacted as a whole, from there on blocks are put in: so this holds
// what the second rests on against the first, and the first long one against the last whole one.
TEST_CASE("from P+2 on a further micro-batch puts one block into the middle of each rank") {
  for (const char* name : {"v-half", "v-min"}) {
    const ScheduleInfo& info = find_schedule(name);
    for (std::uint32_t P = 1; P <= 14; ++P) {
      Schedule before = make_schedule(info, request_of(info, P, P + 2, "yes"));
      for (std::uint32_t M = P + 3; M <= 2 * P + 7; ++M) {
        Schedule longer = make_schedule(info, request_of(info, P, M, "yes"));
        CAPTURE(std::string(name));
        CAPTURE(P);
        CAPTURE(M);
        for (std::uint32_t rank = 0; rank < P; ++rank)
          CHECK(has_one_block_more(before.program(Rank{rank}), longer.program(Rank{rank})));
        before = std::move(longer);
      }
    }
  }
}

TEST_CASE("what V-Half and V-Min state is met by every number of ranks that they state it for") {
  for (const char* name : {"v-half", "v-min"}) {
    const ScheduleInfo& info = find_schedule(name);
    for (std::uint32_t P = 1; P <= 64; P += kSanitized ? 7 : 1) {
      for (const std::uint32_t M : {P + 2, 2 * P + 9}) {
        CAPTURE(std::string(name));
        CAPTURE(P);
        CAPTURE(M);
        const auto request = request_of(info, P, M, "yes");
        const Schedule schedule = make_schedule(info, request);
        CHECK(check_order(schedule).empty());
        const auto replayed = Replay(schedule, kUnit).run();
        REQUIRE(replayed);
        CHECK(replayed->makespan == info.exact_makespan(request, kUnit));
        CHECK(replayed->max_rank_span == replayed->makespan);
        for (std::uint32_t rank = 0; rank < P; ++rank)
          CHECK(replayed_peak(schedule, Rank{rank}) == info.exact_peak(request, Rank{rank}));
      }
    }
    const auto request = request_of(info, 65, 200, "yes");
    CHECK(!info.exact_makespan(request, kUnit));
    CHECK(!info.exact_peak(request, Rank{0}));
  }
}

// SCHEDULES, 4.11: with 8 ranks and unit costs 26 and 27 over the ideal, against 17 and 27 compacted.
TEST_CASE("blocks as they are take as much memory, and at least as long") {
  const auto over = [](const char* name, const char* compact) {
    const ScheduleInfo& info = find_schedule(name);
    return Replay(make_schedule(info, request_of(info, 8, 20, compact)), kUnit).run()->makespan.count() -
           6 * 20;
  };
  CHECK(over("v-half", "yes") == 17);
  CHECK(over("v-half", "no") == 26);
  CHECK(over("v-min", "yes") == 27);
  CHECK(over("v-min", "no") == 27);
  for (const char* name : {"v-half", "v-min"}) {
    const ScheduleInfo& info = find_schedule(name);
    for (std::uint32_t P = 1; P <= 10; ++P) {
      for (std::uint32_t M = P + 2; M <= 2 * P + 6; ++M) {  // with fewer the two ends meet
        CAPTURE(std::string(name));
        CAPTURE(P);
        CAPTURE(M);
        const Schedule tight = make_schedule(info, request_of(info, P, M, "yes"));
        const Schedule loose = make_schedule(info, request_of(info, P, M, "no"));
        CHECK(Replay(tight, kUnit).run()->makespan <= Replay(loose, kUnit).run()->makespan);
        std::uint64_t most_tight = 0, most_loose = 0;
        for (std::uint32_t rank = 0; rank < P; ++rank) {
          most_tight = std::max(most_tight, replayed_peak(tight, Rank{rank}));
          most_loose = std::max(most_loose, replayed_peak(loose, Rank{rank}));
        }
        CHECK(most_tight <= most_loose);
      }
    }
  }
}

}  // namespace
}  // namespace ppsim::v_controlled_test
