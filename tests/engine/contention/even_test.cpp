// Links that are divided evenly among all that may ever use them: closed forms, and what must always hold.
#include <doctest/doctest.h>

#include <rapidcheck.h>

#include "cases.hpp"
#include "engine/link_model.hpp"
#include "engine/shared_nics.hpp"
#include "ppsim/schedule/lowering.hpp"
#include "two_by_two.hpp"

namespace ppsim::even_test {
namespace {

constexpr std::int64_t kForward = 30, kBackward = 50, kBytes = 24, kLatency = 5;

// A rank a GPU, a NIC a node of a byte a nanosecond.
Network with_nics(std::uint32_t ranks, std::uint32_t nodes) {
  Cluster cluster;
  cluster.nodes = nodes;
  cluster.gpus_per_node = ranks / nodes;
  cluster.nics_per_node = 1;
  cluster.nvlink = {BytesPerSecond(1'000'000'000'000'000), Time(0)};
  cluster.infiniband = {BytesPerSecond(1'000'000'000), Time(kLatency)};
  Parallelism parallelism;
  parallelism.pipeline = ranks;
  return Network::of_cluster(cluster, parallelism);
}

// GPipe, with any placement of one stage a rank.
Schedule gpipe(const Placement& placement, std::uint32_t micro_batches) {
  ScheduleWriter out("gpipe", placement, micro_batches, std::size_t{2} * placement.ranks * micro_batches);
  for (std::uint32_t rank = 0; rank < placement.ranks; ++rank) {
    std::uint32_t stage = 0;
    while (placement.rank_of(static_cast<Stage>(stage)) != Rank{rank}) ++stage;
    for (std::uint32_t m = 0; m < micro_batches; ++m) out.forward(stage, m);
    for (std::uint32_t m = 0; m < micro_batches; ++m) out.backward(stage, m);
    out.next_rank();
  }
  return std::move(out).take();
}

Time even_makespan(const Schedule& schedule, const Network& network) {
  Workload workload = workload_of(uniform_costs(kForward, kBackward, kBytes), schedule);
  workload.network = network;
  return makespan(simulate(build_graph(schedule, workload, Communication::Overlap), Contention("even")));
}

// GPipe's closed form with hops of `transmission` and the latency: (M+P-1)(F+B) + 2(P-1)c.
Time gpipe_makespan(std::int64_t P, std::int64_t M, std::int64_t transmission) {
  return Time((M + P - 1) * (kForward + kBackward) + 2 * (P - 1) * (kLatency + transmission));
}

TEST_CASE("a NIC that serves both neighbours of its rank gives each of them half") {
  // A rank a node. From three ranks on each transfer crosses a NIC that an inner rank uses for two pairs of
  // ranks: out to the ranks before and behind it, or in from both. So a hop takes c = L + 2 bytes / C. Of two
  // ranks each NIC carries one pair a direction, and c = L + bytes / C.
  for (const std::uint32_t P : {2U, 3U, 4U, 7U}) {
    for (const std::uint32_t M : {1U, 2U, 9U}) {
      CAPTURE(P);
      CAPTURE(M);
      const std::int64_t users = P == 2 ? 1 : 2;
      CHECK(even_makespan(gpipe(linear_placement(P), M), with_nics(P, P)) ==
            gpipe_makespan(P, M, users * kBytes));
    }
  }
}

TEST_CASE("a NIC that all boundaries cross is divided by their number") {
  // Two nodes of P/2 ranks and a NIC each, the stages by turns on both. Each of the P-1 boundaries leaves a
  // node once, forwards or backwards, and enters the other: a NIC has P-1 users a direction, c = L + (P-1)
  // bytes / C.
  for (const std::uint32_t P : {2U, 4U, 6U, 10U}) {
    Placement placement{P, {std::vector<Rank>(P)}};
    for (std::uint32_t stage = 0; stage < P; ++stage)
      placement.route[0][stage] = Rank{stage % 2 * (P / 2) + stage / 2};
    for (const std::uint32_t M : {1U, 3U, 8U}) {
      CAPTURE(P);
      CAPTURE(M);
      CHECK(even_makespan(gpipe(placement, M), with_nics(P, 2)) == gpipe_makespan(P, M, (P - 1) * kBytes));
    }
  }
}

TEST_CASE("a transfer and the collectives of both its ranks have half of a port each") {
  // The tensor group's collective is one user of a port, the boundary's transfer the other; the transfer of
  // no bytes back is none. The 8 ns of collectives in F take 16, so F takes 12 + 16 = 28, and 10 bytes
  // take 20. Rank 0: F0 0-28, F1 28-56. Rank 1: F0 48-76, F1 76-104, B0 104-204, B1 204-304. Rank 0: B0
  // 204-304, B1 -404.
  const OpGraph graph = build_graph(make_schedule("gpipe", {2, 2, 1}), two_by_two(), Communication::Overlap,
                                    {}, Contention("even").info().sharing);
  const Timeline timeline = simulate(graph, Contention("even"));
  CHECK(starts(timeline) == std::vector<std::int64_t>{0, 28, 204, 304, 48, 76, 104, 204});
  CHECK(makespan(timeline) == Time(404));
}

struct Case {
  Schedule schedule;
  Communication communication;
  std::uint32_t nodes;
};

Case random_case() {
  Case made{random_schedule(),
            *rc::gen::element(Communication::Overlap, Communication::Blocking, Communication::Program),
            *rc::gen::element(2U, 4U)};
  if (made.communication == Communication::Program) made.schedule = add_sends_and_receives(made.schedule);
  return made;
}

TEST_CASE("nothing is earlier on links that are divided than on links for each alone") {
  CHECK(rc::check("vertex by vertex", [] {
    const Case of = random_case();
    const OpGraph graph =
        on_shared_nics(of.schedule, random_costs(of.schedule.stages()), of.communication, of.nodes);
    const Timeline even = simulate(graph, Contention("even")), none = simulate(graph, Contention("none"));
    for (VertexId v = 0; v < graph.vertex_count(); ++v) RC_ASSERT(even.start[v] >= none.start[v]);
    RC_ASSERT(makespan(even) >= makespan(none));
  }));
}

TEST_CASE("more bytes never end anything earlier") {
  CHECK(rc::check("vertex by vertex", [] {
    const Case of = random_case();
    CostsInput costs = random_costs(of.schedule.stages());
    const OpGraph less = on_shared_nics(of.schedule, costs, of.communication, of.nodes);
    costs.transfer = {costs.transfer[0] + Bytes(*rc::gen::inRange<std::int64_t>(0, 20))};
    const OpGraph more = on_shared_nics(of.schedule, costs, of.communication, of.nodes);
    const Timeline before = simulate(less, Contention("even")), after = simulate(more, Contention("even"));
    for (VertexId v = 0; v < less.vertex_count(); ++v) RC_ASSERT(after.finish[v] >= before.finish[v]);
  }));
}

TEST_CASE("where each link has one user, the timeline is that of links for each alone") {
  CHECK(rc::check("a link for each pair of ranks", [] {
    const Case of = random_case();
    const OpGraph graph = graph_of(of.schedule, random_costs(of.schedule.stages()), of.communication);
    RC_ASSERT(simulate(graph, Contention("even")) == simulate(graph, Contention("none")));
  }));
}

TEST_CASE("all engines give the same timeline, since all times are known before a run") {
  CHECK(rc::check("one answer", [] {
    const Schedule schedule = random_schedule();
    const OpGraph graph = on_shared_nics(schedule, random_costs(schedule.stages()),
                                         *rc::gen::element(Communication::Overlap, Communication::Blocking),
                                         *rc::gen::element(2U, 4U));
    const Timeline pass = simulate(graph, Contention("even"));
    RC_ASSERT(run_events(graph, *Contention("even").info().make(graph)) == pass);
    RC_ASSERT(run_transfers(graph, *Contention("even").info().make(graph)) == pass);
  }));
}

TEST_CASE("a transfer with another time in one run is stretched as its class is, whatever ran before") {
  // Four ranks on two nodes, both transfers from node 0 to node 1: a NIC of two users, so 2 x 7 and 2 x 11
  // ns.
  const Schedule schedule = forwards(two_ways(), {0, 1});
  const auto graph_with = [&](std::int64_t bytes) {
    return on_shared_nics(schedule, uniform_costs(10, 0, bytes, 5), Communication::Overlap);
  };
  const OpGraph graph = graph_with(7);
  Simulator simulator(graph, Contention("even"));
  const std::vector<Time> transmissions(graph.edge_count(), Time(11));
  CHECK(starts(simulator.run()) == std::vector<std::int64_t>{0, 0, 29, 29});
  CHECK(starts(simulator.run({.transmissions = transmissions})) == std::vector<std::int64_t>{0, 0, 37, 37});
  CHECK(simulator.run({.transmissions = transmissions}) == simulate(graph_with(11), Contention("even")));
  CHECK(simulator.run() == simulate(graph, Contention("even")));
}

TEST_CASE("times that together pass what a Time holds are an error at the key, not an overflow") {
  // Two transfers of 2^60 ns each, which fit; divided by two users they take 2^61 each, which do not.
  const OpGraph graph = on_shared_nics(
      forwards(two_ways(), {0, 1}), uniform_costs(10, 0, std::int64_t{1} << 60, 5), Communication::Overlap);
  CHECK(makespan(simulate(graph, Contention("none"))) == Time((std::int64_t{1} << 60) + 25));
  try {
    (void)simulate(graph, Contention("even"));
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.fault().where == "/simulation/contention");
  }
}

}  // namespace
}  // namespace ppsim::even_test
