// Flows that share links. Worked out by hand in the comments; random cases against progressive filling from
// scratch, all flows anew at each moment. tests/engine/simgrid_test.cpp asks another simulator.
#include "engine/contention/fair_share.hpp"

#include <doctest/doctest.h>

#include <rapidcheck.h>

#include <cmath>
#include <map>

#include "cases.hpp"
#include "engine/link_model.hpp"

namespace ppsim::fair_share_test {

namespace {

struct FlowCase {
  std::vector<FairShare::Use> uses;
  Time alone;
  Time start;
};

// [flows] when each ends.
std::vector<Time> ends_of(const std::vector<double>& capacities, const std::vector<FlowCase>& flows) {
  FairShare share(capacities);
  std::vector<Time> ends(flows.size());
  std::size_t started = 0;
  for (std::size_t left = flows.size(); left > 0;) {
    const Time start = started < flows.size() ? flows[started].start : Time::max();
    if (share.next() <= start) {
      const Time now = share.next();
      ends[share.finish(now).value()] = now;
      --left;
    } else {
      const FlowCase& flow = flows[started];
      share.start(static_cast<std::uint32_t>(started++), flow.uses, static_cast<double>(flow.alone.count()),
                  start);
    }
  }
  return ends;
}

// Rates of the flows under way: again and again the link that is full first decides for its flows.
std::map<std::size_t, double> fill(std::vector<double> capacities, const std::vector<FlowCase>& flows,
                                   std::vector<std::size_t> open) {
  std::map<std::size_t, double> rates;
  while (!open.empty()) {
    double lowest = std::numeric_limits<double>::infinity();
    std::size_t full = 0;
    for (std::size_t link = 0; link < capacities.size(); ++link) {
      double weight = 0;
      for (const std::size_t flow : open)
        for (const auto use : flows[flow].uses) weight += use.link == link ? use.weight : 0;
      if (weight > 0 && capacities[link] / weight < lowest) lowest = capacities[link] / weight, full = link;
    }
    std::vector<std::size_t> rest;
    for (const std::size_t flow : open) {
      const auto& uses = flows[flow].uses;
      if (std::none_of(uses.begin(), uses.end(), [&](auto use) { return use.link == full; })) {
        rest.push_back(flow);
        continue;
      }
      rates[flow] = lowest;
      for (const auto use : uses) capacities[use.link] -= use.weight * lowest;
    }
    open = rest;
  }
  return rates;
}

// When each flow ends, in ns that are not rounded.
std::vector<double> fluid_ends(const std::vector<double>& capacities, const std::vector<FlowCase>& flows) {
  std::vector<double> left, fastest, ends(flows.size());
  for (const FlowCase& flow : flows) {
    left.push_back(static_cast<double>(flow.alone.count()));
    double rate = std::numeric_limits<double>::infinity();
    for (const auto use : flow.uses) rate = std::min(rate, capacities[use.link] / use.weight);
    fastest.push_back(rate);
  }
  double now = 0;
  std::size_t started = 0;
  std::vector<std::size_t> open;
  while (started < flows.size() || !open.empty()) {
    const auto rates = fill(capacities, flows, open);
    double next = started < flows.size() ? static_cast<double>(flows[started].start.count())
                                         : std::numeric_limits<double>::infinity();
    std::size_t ending = flows.size();
    for (const std::size_t flow : open) {
      const double end = now + left[flow] * fastest[flow] / rates.at(flow);
      if (end <= next) next = end, ending = flow;
    }
    for (const std::size_t flow : open) left[flow] -= (next - now) * rates.at(flow) / fastest[flow];
    now = next;
    if (ending == flows.size()) {
      open.push_back(started++);
    } else {
      ends[ending] = now;
      std::erase(open, ending);
    }
  }
  return ends;
}

std::vector<FairShare::Use> on(std::initializer_list<std::uint32_t> links) {
  std::vector<FairShare::Use> uses;
  for (const std::uint32_t link : links) uses.push_back({link, 1});
  return uses;
}

Timeline by_transfers(const OpGraph& graph, Contention contention) {
  return run_transfers(graph, *contention.info().make(graph));
}

}  // namespace

TEST_CASE("a flow alone takes exactly its time, whatever its capacity") {
  for (const double capacity : {1.0, 3.0, 7e9})
    CHECK(ends_of({capacity}, {{on({0}), Time(1'000'003), Time(5)}})[0] == Time(1'000'008));
}

TEST_CASE("two flows on one link halve it, and the one that is left has it all") {
  // 0-4 the first alone: 6 of 10 left; then at half its rate: 12 more, to 16. The second has done 6 of 10 by
  // then, and ends 4 later.
  CHECK(ends_of({5.0}, {{on({0}), Time(10), Time(0)}, {on({0}), Time(10), Time(4)}}) ==
        std::vector<Time>{Time(16), Time(20)});
}

TEST_CASE("a flow over two links leaves what it cannot use to the others") {
  // The parking lot: A over links 0 and 1, B on 0, C on 1 (capacity 1 and 2). Link 0 is full at 1/2: A and B
  // have 1/2, and C the rest of link 1, 3/2. A alone would take 12 at rate 1, B 12, C 12 at rate 2. C ends at
  // 24 / (3/2) = 16; A and B, at half their rate, at 24.
  CHECK(ends_of(
            {1.0, 2.0},
            {{on({0, 1}), Time(12), Time(0)}, {on({0}), Time(12), Time(0)}, {on({1}), Time(12), Time(0)}}) ==
        std::vector<Time>{Time(24), Time(24), Time(16)});
}

TEST_CASE("a transfer of four GPUs counts four times on the NIC that they share") {
  // NIC of 8: four flows of one transfer, one of another. Level 8 / 5; alone 2 and 8. The transfer of four
  // runs at 4/5 of its speed: 10 ns in 12.5, the single flow at 1/5: 1 ns in 5. The single one ends at 5; by
  // then the four have done 4 of 10, and end 6 later.
  CHECK(ends_of({8.0}, {{{{0, 4}}, Time(10), Time(0)}, {{{0, 1}}, Time(1), Time(0)}}) ==
        std::vector<Time>{Time(11), Time(5)});
}

TEST_CASE("random flows over random links end when filling from scratch says") {
  CHECK(rc::check("max-min", [] {
    const auto links = *rc::gen::inRange<std::uint32_t>(1, 7);
    std::vector<double> capacities;
    for (std::uint32_t link = 0; link < links; ++link) capacities.push_back(*rc::gen::inRange(1, 1000));
    std::vector<FlowCase> flows(*rc::gen::inRange<std::size_t>(1, 20));
    Time start{};
    for (FlowCase& flow : flows) {
      for (std::uint32_t link = 0; link < links; ++link) {
        if (*rc::gen::inRange(0, 3) == 0) flow.uses.push_back({link, double(*rc::gen::inRange(1, 5))});
      }
      if (flow.uses.empty()) flow.uses.push_back({0, 1});
      start += Time(*rc::gen::inRange<std::int64_t>(0, 50'000'000));
      flow.start = start;
      flow.alone = Time(*rc::gen::inRange<std::int64_t>(1'000'000, 200'000'000));
    }
    const auto ends = ends_of(capacities, flows);
    const auto expected = fluid_ends(capacities, flows);
    for (std::size_t flow = 0; flow < flows.size(); ++flow)
      RC_ASSERT(std::abs(double(ends[flow].count()) - expected[flow]) <= 1e-6 * expected[flow]);
  }));
}

TEST_CASE("two transfers of one boundary that overlap share its link") {
  // gpipe, P = 2, M = 2: F 1, 10 bytes at a byte a ns. The first moves 1-2 alone, then both at half: the
  // first is there at 20, the second, with 1 byte left, at 21.
  const OpGraph graph = graph_of(make_schedule("gpipe", {2, 2, 1}), uniform_costs(1, 50, 10));
  const Timeline timeline = simulate(graph, Contention("fair"));
  CHECK(timeline.start[4] == Time(20));  // rank 1's first forward
  CHECK(timeline.start[5] == Time(21));
}

TEST_CASE("with events of their own transfers move as without, in every way to communicate") {
  CHECK(rc::check("one engine", [] {
    const Schedule schedule = random_schedule();
    const auto communication = *rc::gen::element(Communication::Overlap, Communication::Blocking);
    const OpGraph graph = graph_of(schedule, random_costs(schedule.stages()), communication);
    for (const Contention contention : all_contentions())
      RC_ASSERT(by_transfers(graph, contention) == simulate(graph, contention));
  }));
}

TEST_CASE("sharing never ends a run before it would end without, and costs nothing where no two meet") {
  CHECK(rc::check("fair", [] {
    const Schedule schedule = random_schedule();
    CostsInput costs = random_costs(schedule.stages());
    const auto communication = *rc::gen::element(Communication::Overlap, Communication::Blocking);
    const OpGraph graph = graph_of(schedule, costs, communication);
    const Timeline fair = simulate(graph, Contention("fair")), none = simulate(graph, Contention("none"));
    RC_ASSERT(makespan(fair) >= makespan(none));
    RC_ASSERT(fair == simulate(graph, Contention("fair")));
  }));
  // 1F1B sends over a boundary only every F + B.
  const OpGraph graph = graph_of(make_schedule("1f1b", {8, 64, 1}), reference_costs());
  CHECK(simulate(graph, Contention("fair")) == simulate(graph, Contention("none")));
}

}  // namespace ppsim::fair_share_test
