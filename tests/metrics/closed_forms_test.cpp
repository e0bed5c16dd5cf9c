// Closed forms for equal stages and free transfers, DESIGN section 4 and SCHEDULES 4.1 to 4.4, in integers. P
// ranks, M micro-batches, V chunks a rank, F and B per chunk.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>

#include "metrics/runs.hpp"
#include "ppsim/metrics/report.hpp"

namespace ppsim::test::closed_forms_test {
namespace {

constexpr std::int64_t kForward = 7, kBackward = 12, kActivation = 6;  // no two sums of them alike

struct ClosedForm {
  std::int64_t makespan;
  std::int64_t idle_numerator, idle_denominator;        ///< idle / (P x makespan)
  std::function<std::int64_t(std::int64_t rank)> peak;  ///< live pairs
};

void check_closed_form(const SmallRun& run, std::int64_t ranks, const ClosedForm& expected) {
  const Bubbles bubbles = run.bubbles();
  CHECK(bubbles.makespan.count() == expected.makespan);
  Time idle{};
  for (const RankBubbles& rank : bubbles.ranks) idle += rank.idle;
  CHECK(idle.count() * expected.idle_denominator == expected.idle_numerator * ranks * expected.makespan);
  const std::vector<RankMemory> memory = run.memory();
  for (std::int64_t rank = 0; rank < ranks; ++rank) {
    CAPTURE(rank);
    const RankMemory& held = memory[static_cast<std::size_t>(rank)];
    CHECK(std::int64_t{held.peak_count} == expected.peak(rank));
    CHECK(held.peak_activation.count() == expected.peak(rank) * kActivation);
    CHECK(held.steps.back().bytes == Bytes(0));
    CHECK(held.steps.back().count == 0);
  }
}

CostsInput uniform() {
  CostsInput costs = free_transfers();
  costs.forward = {Time(kForward)};
  costs.backward = {Time(kBackward)};
  costs.activation = {Bytes(kActivation)};
  return costs;
}

/// Over P = 1..12, M = 1..24, where the schedule fits.
void check_everywhere(const std::string& name, std::uint32_t chunks,
                      const std::function<ClosedForm(std::int64_t ranks, std::int64_t micro_batches)>& form) {
  const ScheduleInfo& info = find_schedule(name);
  int runs = 0;
  for (std::uint32_t ranks = 1; ranks <= 12; ++ranks) {
    for (std::uint32_t micro_batches = 1; micro_batches <= 24; ++micro_batches) {
      const Shape shape{ranks, micro_batches, chunks};
      if (info.why_not && info.why_not({shape, complete_options(info, {}), nullptr})) continue;
      if (name == "interleaved" && micro_batches < ranks) continue;  // another form, not this one
      CAPTURE(name);
      CAPTURE(ranks);
      CAPTURE(micro_batches);
      CAPTURE(chunks);
      check_closed_form(run_registered(name, shape, uniform()), ranks, form(ranks, micro_batches));
      ++runs;
    }
  }
  CHECK(runs >= 12 * 24 / 4);  // a rule that refuses everything would pass unseen
}

TEST_CASE("naive runs one micro-batch at a time: all but one rank idle, one activation each") {
  check_everywhere("naive", 1, [](std::int64_t ranks, std::int64_t micro_batches) {
    return ClosedForm{micro_batches * ranks * (kForward + kBackward), ranks - 1, ranks,
                      [](std::int64_t) { return 1; }};
  });
}

TEST_CASE("GPipe idles (P-1) of M+P-1 parts and keeps M micro-batches on every rank") {
  check_everywhere("gpipe", 1, [](std::int64_t ranks, std::int64_t micro_batches) {
    return ClosedForm{(micro_batches + ranks - 1) * (kForward + kBackward), ranks - 1,
                      micro_batches + ranks - 1, [=](std::int64_t) { return micro_batches; }};
  });
}

TEST_CASE("1F1B idles as GPipe does and keeps min(P - r, M) micro-batches on rank r") {
  check_everywhere("1f1b", 1, [](std::int64_t ranks, std::int64_t micro_batches) {
    return ClosedForm{(micro_batches + ranks - 1) * (kForward + kBackward), ranks - 1,
                      micro_batches + ranks - 1,
                      [=](std::int64_t rank) { return std::min(ranks - rank, micro_batches); }};
  });
}

/// SCHEDULES section 1, the default group: P where it divides M, else M in max(1, M div P) equal rounds.
std::int64_t default_group(std::int64_t ranks, std::int64_t micro_batches) {
  if (micro_batches % ranks == 0) return ranks;
  return micro_batches / std::max<std::int64_t>(1, micro_batches / ranks);
}

TEST_CASE("interleaved 1F1B idles (P-1) of MV+P-1 parts and keeps min(MV, 2(P-1-r) + (V-1)G + 1) chunks") {
  for (std::int64_t chunks = 1; chunks <= 4; ++chunks) {
    check_everywhere("interleaved", static_cast<std::uint32_t>(chunks),
                     [chunks](std::int64_t ranks, std::int64_t micro_batches) {
                       const std::int64_t units = micro_batches * chunks;
                       const std::int64_t group = default_group(ranks, micro_batches);
                       return ClosedForm{(units + ranks - 1) * (kForward + kBackward), ranks - 1,
                                         units + ranks - 1, [=](std::int64_t rank) {
                                           return std::min(units,
                                                           2 * (ranks - 1 - rank) + (chunks - 1) * group + 1);
                                         }};
                     });
  }
}

// DESIGN section 4: F = 1 ms, B = 2 ms, 2.5 MB a boundary, 50 GB/s + 5 us.
TEST_CASE("the reference case of 8 x 64 takes 219.82 ms, and its idle time is ramps and exposed hops") {
  CostsInput costs = free_transfers();
  costs.forward = {Time(1'000'000)};
  costs.backward = {Time(2'000'000)};
  costs.transfer = {Bytes(2'500'000)};
  costs.link = {BytesPerSecond(50'000'000'000), Time(5'000)};
  const Bubbles bubbles = run_registered("1f1b", {8, 64, 1}, costs).bubbles();
  CHECK(bubbles.makespan == Time(219'820'000));
  for (const RankBubbles& rank : bubbles.ranks) {
    CHECK(rank.busy == Time(64 * 3'000'000));
    const auto cause = [&rank](IdleCause c) { return rank.idle_by_cause[static_cast<std::size_t>(c)]; };
    // A hop is 50 us of transmission behind 5 us of latency, and a gap never begins within one.
    CHECK(cause(IdleCause::Bandwidth) == 10 * cause(IdleCause::Latency));
    CHECK(cause(IdleCause::Contention) + cause(IdleCause::Blocked) + cause(IdleCause::Tail) == Time(0));
  }
}

}  // namespace
}  // namespace ppsim::test::closed_forms_test
