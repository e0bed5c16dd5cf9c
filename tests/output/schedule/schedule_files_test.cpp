#include "ppsim/output/schedule/schedule_files.hpp"

#include <doctest/doctest.h>

#include "ppsim/schedule/text/text.hpp"
#include "support.hpp"
#include "tiny_run.hpp"

namespace ppsim::test::schedule_files_test {
namespace {

OpGraph tiny_graph(const Schedule& schedule, const CostsInput& costs = tiny_costs(),
                   Communication communication = Communication::Overlap) {
  const RunShape shape{schedule.ranks(), schedule.stages(), {}};
  return build_graph(schedule, make_workload(costs, shape, shape.stages), communication);
}

Schedule parse(const char* csv) {
  return parse_csv(csv, "f.csv").schedule;
}

// F = 10 us, B = 20 us, 1000 bytes over each boundary.
TEST_CASE("GOAL of one micro-batch on two ranks, byte for byte") {
  CHECK(goal(tiny_graph(one_f_one_b(2, 1))) ==
        "num_ranks 2\n"
        "\n"
        "rank 0 {\n"
        "l1: calc 10000\n"
        "l2: send 1000b to 1 tag 1\n"  // edge 0 is rank 0's own, from F to B
        "l2 requires l1\n"
        "l3: recv 1000b from 1 tag 3\n"
        "l4: calc 20000\n"
        "l4 requires l1\n"
        "l4 requires l3\n"
        "}\n"
        "\n"
        "rank 1 {\n"
        "l1: recv 1000b from 0 tag 1\n"
        "l2: calc 10000\n"
        "l2 requires l1\n"
        "l3: calc 20000\n"
        "l3 requires l2\n"
        "l4: send 1000b to 0 tag 3\n"
        "l4 requires l3\n"
        "}\n");
}

TEST_CASE(
    "a pair is one calc that sends and receives for both of its ops, and a reduction one behind the last") {
  const Schedule schedule = parse("0F0,2F0,(0F1;2B0)OVERLAP_F_B,0B0,2F1,2B1,0B1\n1F0,1F1,1B0,1B1\n");
  Workload workload = make_workload(tiny_costs(), RunShape{2, 3, {}}, 3);
  workload.stages[1].ops[OpKind::GradientReduction].duration = Time(5);
  const std::string text = goal(build_graph(schedule, workload, Communication::Overlap));
  // On rank 0: F0, its send, a receive, F0 of stage 2; then the pair, F + B.
  CHECK(text.find("l5: calc 30000\nl5 requires l4\nl6: send 1000b to 1 tag ") != std::string::npos);
  CHECK(text.find("l6 requires l5\nl7: send 1000b to 1 tag ") != std::string::npos);
  CHECK(text.find("l7 requires l5\n") != std::string::npos);
  CHECK(text.find("calc 5\n") != std::string::npos);
}

TEST_CASE("what GOAL cannot say is an error") {
  const Schedule schedule = one_f_one_b(2, 1);
  CHECK(where_of([&] { return goal(tiny_graph(schedule, tiny_costs(), Communication::Blocking)); }) ==
        "GOAL");
  CHECK(where_of([&] {
          return goal(tiny_graph(parse("0F0,0EVICT0,0F1,0LOAD0,0B0,0B1\n1F0,1B0,1F1,1B1\n")));
        }) == "GOAL");
}

TEST_CASE("links differ where no one latency and bandwidth gives every transfer's time") {
  const Schedule schedule = one_f_one_b(3, 2);
  CostsInput costs = tiny_costs();
  CHECK(!links_differ(tiny_graph(schedule, costs)));
  costs.transfer = {Bytes(0), Bytes(1),
                    Bytes(1'000'001)};  // a byte takes 333.3 ns: rounded, and the same link
  costs.link = Link{BytesPerSecond(3'000'000), Time(500)};
  CHECK(!links_differ(tiny_graph(schedule, costs)));
  CHECK(!links_differ(tiny_graph(one_f_one_b(1, 2))));  // no transfer at all

  // Four ranks on two nodes: NVLink and InfiniBand.
  Workload workload = make_workload(tiny_costs(), RunShape{4, 4, {}}, 4);
  Cluster cluster;
  cluster.nodes = 2;
  cluster.gpus_per_node = 2;
  cluster.nvlink = Link{BytesPerSecond(300'000'000'000), Time(2'000)};
  cluster.infiniband = Link{BytesPerSecond(25'000'000'000), Time(5'000)};
  Parallelism parallelism;
  parallelism.pipeline = 4;
  workload.network = Network::of_cluster(cluster, parallelism);
  CHECK(links_differ(build_graph(one_f_one_b(4, 2), workload, Communication::Overlap)));
}

TEST_CASE("a rank without ops is an empty program in JSON") {
  CHECK(schedule_json(parse("0F0,0B0\n\n1F0,1B0\n")).find("    [\n    ],\n") != std::string::npos);
}

TEST_CASE("JSON of a schedule in two directions with communication, byte for byte") {
  Schedule schedule = parse(
      "d0UNSHARD,d0F0,d0SEND_F0,u1RECV_F0,(u1F0;d0B0)OVERLAP_F_B,u1B0\n"
      "u0F0,d1F0,d1B0,u0B0,u0REDUCE_GRAD\n");
  schedule.name = "mine \"1\"";
  CHECK(schedule_json(schedule) == R"({
  "name": "mine \"1\"",
  "ranks": 2,
  "stages": 2,
  "micro_batches": 2,
  "slices": 1,
  "steps": 1,
  "requests": 0,
  "forward_only": false,
  "placement": [[0,1],[1,0]],
  "directions": [0,1],
  "programs": [
    [
      {"kind": "F", "stage": 0, "micro_batch": 0},
      {"kind": "F", "stage": 1, "micro_batch": 1, "overlaps_next": true},
      {"kind": "B", "stage": 0, "micro_batch": 0},
      {"kind": "B", "stage": 1, "micro_batch": 1}
    ],
    [
      {"kind": "F", "stage": 0, "micro_batch": 1},
      {"kind": "F", "stage": 1, "micro_batch": 0},
      {"kind": "B", "stage": 1, "micro_batch": 0},
      {"kind": "B", "stage": 0, "micro_batch": 1}
    ]
  ],
  "communication": [
    [
      {"kind": "UNSHARD", "stage": 0, "direction": 0, "position": 0},
      {"kind": "SEND_F", "stage": 0, "micro_batch": 0, "position": 1},
      {"kind": "RECV_F", "stage": 1, "micro_batch": 1, "position": 1}
    ],
    [
      {"kind": "REDUCE_GRAD", "stage": 0, "direction": 1, "position": 4}
    ]
  ]
}
)");
}

}  // namespace
}  // namespace ppsim::test::schedule_files_test
