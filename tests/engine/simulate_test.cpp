#include "ppsim/engine/simulate.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "cases.hpp"
#include "ppsim/engine/link_model.hpp"
#include "ppsim/schedule/text.hpp"

using namespace ppsim;

namespace {

Time run(std::string_view name, Shape shape, const CostsInput& costs) {
  return makespan(simulate(graph_of(make_schedule(name, shape), costs), Contention::None));
}

Timeline by_events(const OpGraph& graph) {
  return run_events(graph, *make_link_model(Contention::None, graph.link_count()));
}

}  // namespace

TEST_CASE("the reference cases come out to the nanosecond") {
  // 1F1B, P | M: (M + P - 1)(F + B) + c [2 (P-1) M / P + 2 (P-2)], c = 55 us; four other simulators agree on
  // these.
  CHECK(run("1f1b", {8, 64, 1}, reference_costs()) == Time(219'820'000));
  CHECK(run("1f1b", {32, 512, 1}, reference_costs()) == Time(1'686'860'000));
  CHECK(run("1f1b", {64, 4096, 1}, reference_costs()) == Time(12'927'340'000));
}

TEST_CASE("with free transfers and equal stages every makespan is the closed form") {
  const std::int64_t F = 3, B = 7;
  for (std::uint32_t P = 1; P <= 12; ++P) {
    for (std::uint32_t M = 1; M <= 24; ++M) {
      CAPTURE(P);
      CAPTURE(M);
      CHECK(run("naive", {P, M, 1}, uniform_costs(F, B)) == Time(M * P * (F + B)));
      CHECK(run("gpipe", {P, M, 1}, uniform_costs(F, B)) == Time((M + P - 1) * (F + B)));
      CHECK(run("1f1b", {P, M, 1}, uniform_costs(F, B)) == Time((M + P - 1) * (F + B)));
    }
  }
}

TEST_CASE("interleaved on V chunks takes M V + P - 1 slots for every M >= P that it divides into rounds") {
  const std::int64_t F = 3, B = 7;
  const ScheduleInfo& info = find_schedule("interleaved");
  int runs = 0;
  for (std::uint32_t P = 1; P <= 12; ++P) {
    for (std::uint32_t M = P; M <= 24; ++M) {
      for (std::uint32_t V = 1; V <= 4; ++V) {
        if (info.why_not({{P, M, V}, complete_options(info, {}), nullptr})) continue;
        CAPTURE(P);
        CAPTURE(M);
        CAPTURE(V);
        CHECK(run("interleaved", {P, M, V}, uniform_costs(F, B)) == Time((M * V + P - 1) * (F + B)));
        ++runs;
      }
    }
  }
  CHECK(runs > 600);
}

TEST_CASE("both engines and an independent longest path agree on random schedules and costs") {
  CHECK(rc::check("overlap, no contention", [] {
    const Schedule schedule = random_schedule();
    const OpGraph graph = graph_of(schedule, random_costs(schedule.stages()));
    const Timeline timeline = simulate(graph, Contention::None);
    RC_ASSERT(makespan(timeline) == longest_path(graph));
    RC_ASSERT(timeline == by_events(graph));
    RC_ASSERT(timeline == simulate(graph, Contention::None));
  }));
}

TEST_CASE("an action starts when the one before it has finished and its inputs are there, and not later") {
  CHECK(rc::check("overlap and fifo", [] {
    const Schedule schedule = random_schedule();
    const OpGraph graph = graph_of(schedule, random_costs(schedule.stages()));
    const Timeline timeline = simulate(graph, *rc::gen::element(Contention::None, Contention::Fifo));
    for (VertexId v = 0; v < graph.vertex_count(); ++v) {
      Time ready{};
      for (EdgeId in = graph.in_begin()[v]; in < graph.in_begin()[v + 1]; ++in) {
        const EdgeId edge = graph.in_edges()[in];
        const bool moved = is_transfer(graph.edge_classes()[edge]);
        ready =
            std::max(ready, moved ? timeline.transfer_finish[edge] : timeline.finish[graph.in_sources()[in]]);
      }
      RC_ASSERT(timeline.start[v] == ready);
      RC_ASSERT(timeline.finish[v] == timeline.start[v] + graph.durations()[v]);
    }
  }));
}

TEST_CASE("both engines agree where sends block and links are not shared") {
  CHECK(rc::check("blocking, no contention", [] {
    const Schedule schedule = random_schedule();
    const CostsInput costs = random_costs(schedule.stages());
    const OpGraph graph = graph_of(schedule, costs, Communication::Blocking);
    const Timeline timeline = simulate(graph, Contention::None);
    RC_ASSERT(timeline == by_events(graph));
    const OpGraph overlapped = graph_of(schedule, costs);
    RC_ASSERT(makespan(timeline) >= makespan(simulate(overlapped, Contention::None)));
  }));
}

TEST_CASE(
    "a fifo link serves one transfer at a time, in the order they became ready, and each moves as soon as it "
    "can") {
  CHECK(rc::check("fifo", [] {
    const Schedule schedule = random_schedule();
    const OpGraph graph = graph_of(schedule, random_costs(schedule.stages()),
                                   *rc::gen::element(Communication::Overlap, Communication::Blocking));
    const Timeline timeline = simulate(graph, Contention::Fifo);
    struct Use {
      Time ready;
      VertexId sender;
      Time start, sent;
    };
    std::vector<std::vector<Use>> uses(graph.link_count());
    for (VertexId v = 0; v < graph.vertex_count(); ++v) {
      for (EdgeId e = graph.out_begin()[v]; e < graph.out_begin()[v + 1]; ++e) {
        if (!is_transfer(graph.edge_classes()[e])) continue;
        const TransferClass& transfer = graph.transfer_classes()[graph.edge_classes()[e]];
        RC_ASSERT(timeline.transfer_finish[e] ==
                  timeline.transfer_start[e] + transfer.wire + transfer.latency);
        for (const LinkId link : transfer.links) {
          uses[index(link)].push_back({timeline.finish[v], v, timeline.transfer_start[e],
                                       timeline.transfer_start[e] + transfer.wire});
        }
      }
    }
    for (auto& link : uses) {  // one link a transfer here, so a transfer waits for its own link alone
      std::sort(link.begin(), link.end(), [](const Use& a, const Use& b) {
        return a.ready != b.ready ? a.ready < b.ready : a.sender < b.sender;
      });
      Time free{};
      for (const Use& use : link) {
        RC_ASSERT(use.start == std::max(use.ready, free));
        free = use.sent;
      }
    }
  }));
}

TEST_CASE("fifo: the second of two transfers waits for the first, latency holds nothing") {
  // Stage 0 makes a boundary every 1 ns, the link needs 10 ns for one, latency 100 ns.
  //   F0 ends 1: moves 1..11, arrives 111. F1 ends 2: waits for the link until 11, moves 11..21, arrives 121.
  const Schedule schedule = make_schedule("gpipe", {2, 2, 1});
  const OpGraph graph = graph_of(schedule, uniform_costs(1, 1, 10, 100));
  const Timeline timeline = simulate(graph, Contention::Fifo);
  const VertexId first = graph.rank_begin()[1];
  CHECK(timeline.start[first] == Time(111));
  CHECK(timeline.start[first + 1] == Time(121));
  // Without contention both move at once: 2 + 110.
  CHECK(simulate(graph, Contention::None).start[first + 1] == Time(112));
}

TEST_CASE("blocking: a send holds the sender until its last byte has left, not for the latency") {
  // F 5 ns, boundary 10 ns on the wire + 100 ns latency. Rank 0: F0 0..5, held 5..15; F1 15..20, held 20..30.
  const OpGraph graph =
      graph_of(make_schedule("gpipe", {2, 2, 1}), uniform_costs(5, 5, 10, 100), Communication::Blocking);
  for (const Contention contention : {Contention::None, Contention::Fifo}) {
    const Timeline timeline = simulate(graph, contention);
    CHECK(timeline.start[1] == Time(15));
    CHECK(timeline.transfer_finish[1] == Time(115));
    CHECK(timeline.start[graph.rank_begin()[1]] == Time(115));
  }
}

TEST_CASE("blocking on fifo links: the wait for the link holds the sender too") {
  // Ranks 0 and 1 share a NIC to ranks 2 and 3 (four stages; 0 -> 1 stays free of it): here as two transfers
  // on one link.
  const Schedule schedule = make_schedule("gpipe", {3, 1, 1});
  Workload workload = workload_of(uniform_costs(5, 5, 10), schedule);
  Cluster cluster;
  cluster.nodes = 3;
  cluster.gpus_per_node = 1;
  cluster.nvlink = cluster.infiniband = {BytesPerSecond(1'000'000'000), Time(0)};
  Parallelism parallelism;
  parallelism.pipeline = 3;
  workload.network = Network::of_cluster(cluster, parallelism);
  const OpGraph graph = build_graph(schedule, workload, Communication::Blocking);
  const Timeline timeline = simulate(graph, Contention::Fifo);
  // F0 on rank 0: 0..5, its boundary 5..15; rank 1: 15..20, boundary 20..30; rank 2: F 30..35, B 35..40 at
  // once.
  CHECK(timeline.start[graph.rank_begin()[2]] == Time(30));
  // Rank 2's gradient leaves 40..50; rank 1's B 50..55; its gradient 55..65; rank 0's B ends at 70.
  CHECK(makespan(timeline) == Time(70));
}

TEST_CASE("two ranks that share a NIC wait for each other under fifo") {
  // Four ranks, one GPU each, two a node with one NIC: 0 -> 1 by NVLink, 1 -> 2 by NIC, 2 -> 3 by NVLink; so
  // gradients 2 -> 1 leave by node 1's NIC. Interleaved sends 3 -> 0 as well: it shares node 1's NIC with 2
  // -> 1 and node 0's with it.
  Cluster cluster;
  cluster.nodes = 2;
  cluster.gpus_per_node = 2;
  cluster.nics_per_node = 1;
  cluster.nvlink = {BytesPerSecond(100'000'000'000), Time(0)};
  cluster.infiniband = {BytesPerSecond(1'000'000'000), Time(0)};
  Parallelism parallelism;
  parallelism.pipeline = 4;
  const Schedule schedule = make_schedule("interleaved", {4, 8, 2});
  Workload workload = workload_of(uniform_costs(100, 200, 150), schedule);
  workload.network = Network::of_cluster(cluster, parallelism);
  const OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
  const Timeline free = simulate(graph, Contention::None);
  const Timeline fifo = simulate(graph, Contention::Fifo);
  CHECK(fifo.start != free.start);
  for (VertexId v = 0; v < graph.vertex_count(); ++v) CHECK(fifo.start[v] >= free.start[v]);
}

TEST_CASE("inference takes its closed form: prefill, then token steps around the ring") {
  // (M+P-1)F + (P-1)c + T max(M F, P(F+c))
  for (std::int64_t P = 1; P <= 6; ++P) {
    for (std::int64_t M = 1; M <= 8; ++M) {
      for (std::int64_t T = 0; T <= 4; ++T) {
        const std::int64_t F = 10, c = P > 1 ? 7 : 0;
        const Schedule schedule =
            make_schedule("inference", {static_cast<std::uint32_t>(P), static_cast<std::uint32_t>(M), 1},
                          {{"decode_steps", T}});
        CHECK(makespan(simulate(graph_of(schedule, uniform_costs(F, 0, 4, 3)), Contention::None)) ==
              Time((M + P - 1) * F + (P - 1) * c + T * std::max(M * F, P * (F + c))));
      }
    }
  }
}

TEST_CASE("a deadlock throws with its cycle in every engine") {
  const Schedule schedule = parse_csv("0F0,0B0,0F1,0B1\n1F0,1F1,1B1,1B0\n", "f.csv").schedule;
  const OpGraph graph = graph_of(schedule, uniform_costs(1, 2));
  for (const Contention contention : {Contention::None, Contention::Fifo}) {
    try {
      (void)simulate(graph, contention);
      FAIL("it ended");
    } catch (const DeadlockError& error) {
      CHECK(error.cycle().size() == 5);
    }
  }
}
