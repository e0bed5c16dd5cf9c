#include "replay/rank_program.hpp"

#include <doctest/doctest.h>

#include <rapidcheck.h>

#include <map>

#include "cases.hpp"
#include "replay/runs.hpp"

namespace ppsim::test::rank_program_test {
namespace {

// Rank 0: F0 B0; rank 1: F0 B0. F = 3, B = 5, 4 bytes a hop at 1 byte a ns + 2 ns.
TEST_CASE("two ranks, one micro-batch: what each runs, sends and receives") {
  const OpGraph graph = graph_of(make_schedule("1f1b", {2, 1, 1}), uniform_costs(3, 5, 4, 2));
  const RankProgram program = make_rank_program(graph, Rank{1});
  CHECK(program.first == 2);
  CHECK(program.durations == std::vector{Time(3), Time(5)});
  CHECK(program.inputs == std::vector<std::uint32_t>{1, 1});  // the activation, and F
  REQUIRE(program.receives.size() == 1);
  CHECK(program.receives[0].peer == Rank{0});
  CHECK(program.receives[0].vertex == 0);
  CHECK(program.receives[0].bytes == Bytes(4));
  CHECK(program.receives[0].transmission == Time(4));
  CHECK(program.receives[0].latency == Time(2));
  REQUIRE(program.sends.size() == 1);
  CHECK(program.sends[0].peer == Rank{0});
  CHECK(program.sends[0].vertex == 1);
  REQUIRE(program.local_edges_of(0).size() == 1);
  CHECK(program.local_edges_of(0)[0].target == 1);
  CHECK(program.local_edges_of(0)[0].program);
  CHECK(program.local_edges_of(1).empty());
}

TEST_CASE("what one rank sends another receives, each edge once, in the sender's order") {
  CHECK(rc::check([] {
    const Schedule schedule = random_schedule();
    const OpGraph graph = graph_of(schedule, random_costs(schedule.stages()));
    std::map<EdgeId, std::pair<Rank, Rank>> sent, received;
    std::size_t vertices = 0, local = 0;
    for (std::uint32_t rank = 0; rank < graph.rank_count(); ++rank) {
      const RankProgram program = make_rank_program(graph, Rank{rank});
      vertices += program.vertex_count();
      local += program.local_edges.size();
      for (const Message& send : program.sends)
        RC_ASSERT(sent.emplace(send.edge, std::pair(Rank{rank}, send.peer)).second);
      EdgeId last = 0;
      for (const Message& receive : program.receives) {
        RC_ASSERT(receive.edge >= last);
        last = receive.edge;
        RC_ASSERT(received.emplace(receive.edge, std::pair(receive.peer, Rank{rank})).second);
      }
    }
    RC_ASSERT(sent == received);
    RC_ASSERT(vertices == graph.vertex_count());
    RC_ASSERT(local + sent.size() == graph.edge_count());
  }));
}

// BPipe's rank 0 evicts to rank P-1, which is no neighbour: a copy and its answer, and a service there.
TEST_CASE("a copy is asked for and answered: EVICT carries its bytes there, LOAD back") {
  const OpGraph graph = graph_of(make_schedule("bpipe", {4, 8, 1}), uniform_costs(3, 5, 4, 2));
  REQUIRE(!graph.copies().empty());
  std::size_t copies = 0, services = 0;
  for (std::uint32_t rank = 0; rank < 4; ++rank) {
    const RankProgram program = make_rank_program(graph, Rank{rank});
    services += program.services.size();
    for (const Message& send : program.sends) {
      if (send.role != MessageRole::Copy) continue;
      ++copies;
      const Message& answer = program.receives[send.answer];
      CHECK(answer.edge == send.edge);
      CHECK(answer.role == MessageRole::Answer);
      CHECK(answer.peer == send.peer);
      CHECK(index(send.peer) == 3 - rank);
      CHECK(send.bytes + answer.bytes == Bytes(1000));
    }
  }
  CHECK(copies == graph.copies().size());
  CHECK(services == copies);
}

}  // namespace
}  // namespace ppsim::test::rank_program_test
