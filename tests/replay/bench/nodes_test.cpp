#include "replay/bench/nodes.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "replay/clocks.hpp"
#include "replay/in_process.hpp"
#include "replay/runs.hpp"

namespace ppsim::test::nodes_test {
namespace {

const NodeId a{"a", "boot 1", "net 1"}, b{"b", "boot 2", "net 2"}, c{"c", "boot 3", "net 3"};

TEST_CASE("ranks on the same host, machine and network are a node") {
  const NodeMap map = group_by_node(std::vector<NodeId>{a, a, b, b, c, c});
  CHECK(map.names == std::vector<std::string>{"a", "b", "c"});
  CHECK(map.ranks_per_node == 2);
  CHECK(map.ranks_per_machine == 2);
  CHECK(map.rank(2, 1) == Rank{5});
}

TEST_CASE("a machine may play several nodes, by host name or by network namespace") {
  const NodeMap map = group_by_node(
      std::vector<NodeId>{{"x", "boot", "net 1"}, {"x", "boot", "net 2"}, {"y", "boot", "net 2"}});
  CHECK(map.nodes() == 3);
  CHECK(map.ranks_per_node == 1);
  CHECK(map.ranks_per_machine == 3);
}

TEST_CASE("ranks that alternate between nodes are refused, with what to ask of the launcher") {
  CHECK_THROWS_WITH_AS(
      (void)group_by_node(std::vector<NodeId>{a, b, a, b}),
      "ranks 0 and 2 are on node a and those between are not: expected a node's ranks one behind "
      "the other (mpirun --map-by slot, or ppr:N:node)",
      JointError);
}

TEST_CASE("nodes of different sizes are refused") {
  CHECK_THROWS_WITH_AS((void)group_by_node(std::vector<NodeId>{a, a, b}),
                       "node a has 2 ranks and node b has 1 rank: expected as many on each (mpirun --map-by "
                       "ppr:1:node)",
                       JointError);
}

TEST_CASE("threads are on one node, and every rank finds so") {
  run_in_process(3, [](Transport& transport) {
    Group group(transport, 20 * kSecond);
    const NodeMap map = find_nodes(group);
    PPSIM_ASSERT(map.nodes() == 1 && map.ranks_per_node == 3 && map.ranks_per_machine == 3,
                 "one node of three");
    PPSIM_ASSERT(map.names.front() == own_node().host, "by its host's name");
  });
}

}  // namespace
}  // namespace ppsim::test::nodes_test
