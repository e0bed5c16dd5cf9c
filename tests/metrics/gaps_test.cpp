#include "ppsim/metrics/gaps.hpp"

#include <doctest/doctest.h>

#include <map>

#include "metrics/runs.hpp"

namespace ppsim::test::gaps_test {
namespace {

// r0: F0 0-10, F1 10-20, B0 40-60, B1 70-90
// r1: F0 10-20, B0 20-40, F1 40-50, B1 50-70
TEST_CASE("there is a gap in front of each action and one behind the last, each with its cause") {
  const SmallRun run = run_registered("1f1b", {2, 2, 1}, free_transfers());
  const std::vector<Gap> gaps = list_gaps(run.graph, run.timeline);
  const auto none = [](std::uint32_t rank, VertexId before) { return Gap{Rank{rank}, before, {}, {}}; };
  CHECK(gaps == std::vector<Gap>{none(0, 0),
                                 none(0, 1),
                                 {Rank{0}, 2, Time(20), IdleCause::Warmup},
                                 {Rank{0}, 3, Time(10), IdleCause::Cooldown},
                                 none(0, kNoVertex),
                                 {Rank{1}, 4, Time(10), IdleCause::Warmup},
                                 none(1, 5),
                                 none(1, 6),
                                 none(1, 7),
                                 {Rank{1}, kNoVertex, Time(20), IdleCause::Cooldown}});
}

// Hops of 5 = latency 2 + transmission 3: r1 waits for F0 10-15 in its ramp, whose larger part is the forward
// before it.
TEST_CASE("a gap of several causes has that of its largest part") {
  const SmallRun run = run_registered("1f1b", {2, 2, 1}, hops());
  const std::vector<Gap> gaps = list_gaps(run.graph, run.timeline);
  CHECK(gaps[5] == Gap{Rank{1}, 4, Time(15), IdleCause::Warmup});
}

TEST_CASE("a rank's gaps sum to its idle time") {
  for (const char* name : {"gpipe", "1f1b", "zb-h1", "bpipe"}) {
    CAPTURE(name);
    for (const Communication communication : {Communication::Overlap, Communication::Blocking}) {
      const SmallRun run = run_registered(name, {4, 6, 1}, hops(), communication);
      std::map<Rank, Time> sums;
      for (const Gap& gap : list_gaps(run.graph, run.timeline)) sums[gap.rank] += gap.length;
      const Bubbles bubbles = run.bubbles();
      for (std::uint32_t rank = 0; rank < 4; ++rank) CHECK(sums[Rank{rank}] == bubbles.ranks[rank].idle);
    }
  }
}

}  // namespace
}  // namespace ppsim::test::gaps_test
