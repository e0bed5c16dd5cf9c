#include "engine/link_model.hpp"

#include <doctest/doctest.h>

#include <rapidcheck.h>

#include <tuple>

#include "cases.hpp"
#include "engine/shared_nics.hpp"

namespace ppsim::link_model_test {

namespace {

struct Move {
  Time ready;
  VertexId sender;
  EdgeId edge;
  const TransferClass* transfer;
  Time start;

  [[nodiscard]] Time sent() const { return start + transfer->transmission; }
  [[nodiscard]] bool shares_link_with(const Move& other) const {
    return std::any_of(transfer->links.begin(), transfer->links.end(), [&](LinkId link) {
      return std::count(other.transfer->links.begin(), other.transfer->links.end(), link) > 0;
    });
  }
};

// All transfers, in the order in which they became ready; ties by sender, then by edge.
std::vector<Move> moves_of(const OpGraph& graph, const Timeline& timeline) {
  std::vector<Move> moves;
  for (VertexId v = 0; v < graph.vertex_count(); ++v) {
    for (EdgeId e = graph.edge_arrays().out_begin[v]; e < graph.edge_arrays().out_begin[v + 1]; ++e) {
      const EdgeClass kind = graph.edge_arrays().classes[e];
      if (!is_transfer(kind)) continue;
      moves.push_back(
          {timeline.finish[v], v, e, &graph.transfer_classes()[kind], timeline.transfer_start[e]});
    }
  }
  std::sort(moves.begin(), moves.end(), [](const Move& a, const Move& b) {
    return std::tie(a.ready, a.sender, a.edge) < std::tie(b.ready, b.sender, b.edge);
  });
  return moves;
}

// The definition, pair by pair: a transfer starts when it is ready and all before it that share a link have
// left.
void check_fifo(const OpGraph& graph, const Timeline& timeline) {
  const std::vector<Move> moves = moves_of(graph, timeline);
  for (std::size_t i = 0; i < moves.size(); ++i) {
    Time start = moves[i].ready;
    for (std::size_t before = 0; before < i; ++before) {
      if (moves[i].shares_link_with(moves[before])) start = std::max(start, moves[before].sent());
    }
    RC_ASSERT(moves[i].start == start);
    RC_ASSERT(timeline.transfer_finish[moves[i].edge] == moves[i].sent() + moves[i].transfer->latency);
  }
}

// No action of length 0: it could become ready in the very nanosecond that is being served, behind later
// ranks.
CostsInput random_positive_costs(std::uint32_t stages) {
  CostsInput costs = random_costs(stages);
  for (auto* list : {&costs.forward, &costs.input_grad, &costs.weight_grad}) {
    for (Time& time : *list) time += Time(1);
  }
  return costs;
}

}  // namespace

TEST_CASE(
    "a fifo link serves one transfer at a time, in the order they became ready, and as soon as it can") {
  CHECK(rc::check("a link for each ordered pair of ranks", [] {
    const Schedule schedule = random_schedule();
    const OpGraph graph = graph_of(schedule, random_costs(schedule.stages()),
                                   *rc::gen::element(Communication::Overlap, Communication::Blocking));
    check_fifo(graph, simulate(graph, Contention("fifo")));
  }));
  CHECK(rc::check("ranks that share a NIC", [] {
    const Schedule schedule = random_schedule();
    const OpGraph graph = on_shared_nics(schedule, random_positive_costs(schedule.stages()),
                                         *rc::gen::element(Communication::Overlap, Communication::Blocking),
                                         *rc::gen::element(2U, 4U));
    check_fifo(graph, simulate(graph, Contention("fifo")));
  }));
}

TEST_CASE("nothing is earlier on fifo links than on links that nobody shares") {
  CHECK(rc::check("vertex by vertex", [] {
    const Schedule schedule = random_schedule();
    const OpGraph graph = on_shared_nics(schedule, random_costs(schedule.stages()),
                                         *rc::gen::element(Communication::Overlap, Communication::Blocking),
                                         *rc::gen::element(2U, 4U));
    const Timeline fifo = simulate(graph, Contention("fifo"));
    const Timeline none = simulate(graph, Contention("none"));
    for (VertexId v = 0; v < graph.vertex_count(); ++v) RC_ASSERT(fifo.start[v] >= none.start[v]);
  }));
}

TEST_CASE("fifo: the second of two transfers waits for the first, latency holds nothing") {
  // Stage 0 makes a boundary every 1 ns, the link needs 10 ns for one, latency 100 ns.
  //   F0 ends 1: moves 1..11, arrives 111. F1 ends 2: waits for the link until 11, moves 11..21, arrives 121.
  const OpGraph graph = graph_of(make_schedule("gpipe", {2, 2, 1}), uniform_costs(1, 1, 10, 100));
  const Timeline timeline = simulate(graph, Contention("fifo"));
  const VertexId first = graph.rank_begin()[1];
  CHECK(timeline.start[first] == Time(111));
  CHECK(timeline.start[first + 1] == Time(121));
  // Without contention both move at once: 2 + 110.
  CHECK(simulate(graph, Contention("none")).start[first + 1] == Time(112));
}

TEST_CASE("two ranks that share a NIC wait for each other under fifo") {
  // Stages 0, 1, 2, 3 on ranks 0, 2, 1, 3: stages 0 and 2 both leave node 0 by its NIC. F 10, NIC 25,
  // latency 5.
  //   Stage 0 ends at 10, 20, 30, 40; NIC out of node 0: 10..35, 35..60, 60..85, 85..110; arrive 40, 65, 90,
  //   115. Stage 1 starts there; ends 50, 75, 100, 125; out of node 1: 50..75, 75..100, 100..125, 125..150;
  //   arrive 80, 105, 130, 155. Stage 2 starts there and ends at 90, 115, 140, 165. At 90 node 0's NIC is
  //   stage 0's until 110: 110..135, 135..160, 160..185, 185..210; arrive 140, 165, 190, 215, where stage 3
  //   starts.
  const Placement placement{4, {{Rank{0}, Rank{2}, Rank{1}, Rank{3}}}};
  const Schedule schedule = forwards(placement, {0, 0, 0, 0});
  const OpGraph graph = on_shared_nics(schedule, uniform_costs(10, 0, 25, 5), Communication::Overlap);
  CHECK(starts(simulate(graph, Contention("fifo"))) ==
        std::vector<std::int64_t>{0, 10, 20, 30, 80, 105, 130, 155, 40, 65, 90, 115, 140, 165, 190, 215});
  // Unshared, a hop is 30 wherever it goes: stage s starts micro-batch m at 40 s + 10 m.
  CHECK(starts(simulate(graph, Contention("none"))) ==
        std::vector<std::int64_t>{0, 10, 20, 30, 80, 90, 100, 110, 40, 50, 60, 70, 120, 130, 140, 150});
}

TEST_CASE("a transfer waits for the NICs of both ends") {
  // Four nodes. Down: rank 0 -> rank 2, up: rank 1 -> rank 2, both with two micro-batches; F 10, NIC 25,
  // latency 5. Out of nodes 0 and 1 nothing meets, into node 2 all four: ready at 10 (rank 0), 10 (rank 1),
  // 20, 20; moving 10..35, 35..60, 60..85, 85..110; arriving at 40, 65, 90, 115. Rank 2 runs down 0, down 1,
  // up 0, up 1: the third is there at 65 and starts behind the second, which starts at 90.
  const Placement placement{4, {{Rank{0}, Rank{2}}, {Rank{1}, Rank{2}}}};
  const Schedule schedule = forwards(placement, {0, 0, 1, 1});
  const OpGraph graph = on_shared_nics(schedule, uniform_costs(10, 0, 25, 5), Communication::Overlap, 4);
  CHECK(starts(simulate(graph, Contention("fifo"))) ==
        std::vector<std::int64_t>{0, 10, 0, 10, 40, 90, 100, 115});
}

TEST_CASE("uplinks of a leaf slow what crosses the spine at the same time, under fair alone") {
  // Four nodes of a GPU, two a leaf, oversubscribed o to 1: a leaf has 2 / o bytes a nanosecond. Ranks 0 and
  // 1 send 24 bytes each to ranks 2 and 3 at 10; latency 5, and 2 more over the spine.
  const auto second_stage = [](double oversubscription, Contention contention) {
    const Schedule schedule = forwards(two_ways(), {0, 1});
    Workload workload = workload_of(uniform_costs(10, 0, 24), schedule);
    Cluster cluster;
    cluster.nodes = 4;
    cluster.infiniband = {BytesPerSecond(1'000'000'000), Time(5)};
    cluster.fabric = Fabric{2, oversubscription, false, Time(2)};
    Parallelism parallelism;
    parallelism.pipeline = 4;
    workload.network = Network::of_cluster(cluster, parallelism);
    const OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
    const std::vector<std::int64_t> all = starts(simulate(graph, contention));
    CHECK(all[2] == all[3]);
    return all[2];
  };
  CHECK(second_stage(1, Contention("fair")) == 10 + 24 + 7);
  CHECK(second_stage(2, Contention("fair")) == 10 + 48 + 7);  // one byte a nanosecond for both
  CHECK(second_stage(4, Contention("fair")) == 10 + 96 + 7);
  // Each alone has as much as its NIC up to 2 to 1; a queue of many cables makes nobody wait.
  CHECK(second_stage(2, Contention("fifo")) == 10 + 24 + 7);
  CHECK(second_stage(2, Contention("none")) == 10 + 24 + 7);
  CHECK(second_stage(4, Contention("fifo")) == 10 + 48 + 7);
}

TEST_CASE("of two transfers that are ready at once the one with the lower sender goes first") {
  // Ranks 0 and 1 both end F at 10; the NIC moves rank 0's boundary 10..35, rank 1's 35..60; latency 5.
  const OpGraph graph =
      on_shared_nics(forwards(two_ways(), {0, 1}), uniform_costs(10, 0, 25, 5), Communication::Overlap);
  CHECK(starts(simulate(graph, Contention("fifo"))) == std::vector<std::int64_t>{0, 0, 40, 65});
}

TEST_CASE("blocking: a send holds the sender until its last byte has left, not for the latency") {
  // F 5 ns, boundary 10 ns on the wire + 100 ns latency. Rank 0: F0 0..5, held 5..15; F1 15..20, held 20..30.
  const OpGraph graph =
      graph_of(make_schedule("gpipe", {2, 2, 1}), uniform_costs(5, 5, 10, 100), Communication::Blocking);
  for (const Contention contention : {Contention("none"), Contention("fifo")}) {
    const Timeline timeline = simulate(graph, contention);
    CHECK(timeline.start[1] == Time(15));
    CHECK(timeline.transfer_finish[1] == Time(115));
    CHECK(timeline.start[graph.rank_begin()[1]] == Time(115));
  }
}

TEST_CASE("blocking on fifo links: the wait for the link holds the sender too") {
  // F 10, NIC 25, latency 5; two micro-batches each way. Rank 0: F 0..10, sends 10..35. Rank 1: F 0..10,
  // waits for the NIC until 35, sends 35..60. Rank 0 goes on at 35: F 35..45, waits until 60, sends 60..85.
  // Rank 1 goes on at 60: F 60..70, waits until 85, sends 85..110. Arrivals: rank 2 at 40 and 90, rank 3 at
  // 65 and 115.
  const OpGraph graph = on_shared_nics(forwards(two_ways(), {0, 0, 1, 1}), uniform_costs(10, 0, 25, 5),
                                       Communication::Blocking);
  CHECK(starts(simulate(graph, Contention("fifo"))) ==
        std::vector<std::int64_t>{0, 35, 0, 60, 40, 90, 65, 115});
  // On a NIC of its own each is held for its bytes alone: F 0..10, 35..45; arrivals at 40 and 75.
  CHECK(starts(simulate(graph, Contention("none"))) ==
        std::vector<std::int64_t>{0, 35, 0, 35, 40, 75, 40, 75});
}

}  // namespace ppsim::link_model_test
