#include "replay/incoming.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "cases.hpp"
#include "replay/runs.hpp"

namespace ppsim::test::incoming_test {
namespace {

constexpr auto kIncluded = IncomingMessages::Requests::Included;
constexpr auto kLeftOut = IncomingMessages::Requests::LeftOut;

// Rank 1 of three ranks takes two activations from rank 0 and two gradients from rank 2.
TEST_CASE("each rank that sends has a channel, whose messages stand in its order") {
  const OpGraph graph = graph_of(make_schedule("1f1b", {3, 2, 1}), uniform_costs(3, 5, 4, 2));
  const RankProgram program = make_rank_program(graph, Rank{1});
  IncomingMessages incoming(program, kIncluded);
  REQUIRE(incoming.channel_count() == 2);
  for (const Rank from : {Rank{0}, Rank{2}}) {
    const std::size_t channel = incoming.channel_from(from);
    EdgeId last{};
    for (int i = 0; i < 2; ++i) {
      REQUIRE(incoming.has_next(channel));
      const Incoming next = incoming.take_next(channel).value();
      CHECK(!next.is_request);
      CHECK(program.receives[next.index].peer == from);
      CHECK(program.receives[next.index].edge == next.edge);
      CHECK((i == 0 || next.edge > last));
      last = next.edge;
    }
    CHECK(!incoming.has_next(channel));
    CHECK(!incoming.take_next(channel));
  }
}

// What a channel holds: requests, and other messages.
std::pair<std::size_t, std::size_t> count_messages(IncomingMessages incoming) {
  std::size_t requests = 0, others = 0;
  for (std::size_t channel = 0; channel < incoming.channel_count(); ++channel) {
    EdgeId last{};
    while (const auto next = incoming.take_next(channel)) {
      CHECK(next->edge >= last);
      last = next->edge;
      ++(next->is_request ? requests : others);
    }
  }
  return {requests, others};
}

// bpipe: the first rank evicts to the last, which is its partner and serves each EVICT and each LOAD.
TEST_CASE("a partner's requests stand between its other messages, or are left out") {
  const OpGraph graph = graph_of(make_schedule("bpipe", {4, 8, 1}), uniform_costs(3, 5, 4, 2));
  const RankProgram program = make_rank_program(graph, Rank{3});
  REQUIRE(!program.services.empty());
  const auto unasked =
      static_cast<std::size_t>(std::count_if(program.receives.begin(), program.receives.end(),
                                             [](const Message& message) { return message.comes_unasked(); }));
  CHECK(count_messages({program, kIncluded}) == std::pair(program.services.size(), unasked));
  CHECK(count_messages({program, kLeftOut}) == std::pair(std::size_t{0}, unasked));
}

}  // namespace
}  // namespace ppsim::test::incoming_test
