#include "ppsim/graph/op_graph.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "cases.hpp"
#include "ppsim/schedule/text/text.hpp"

namespace ppsim::op_graph_test {

namespace {

// "rank 0: F of stage 0, micro-batch 0 -> rank 1: ..." for each edge.
std::vector<std::string> edges_of(const OpGraph& graph) {
  std::vector<std::string> lines;
  for (VertexId v = 0; v < graph.vertex_count(); ++v) {
    for (EdgeId e = graph.edge_arrays().out_begin[v]; e < graph.edge_arrays().out_begin[v + 1]; ++e) {
      const EdgeClass kind = graph.edge_arrays().classes[e];
      const std::string arrow = kind == kProgramEdge ? " -> " : kind == kDataEdge ? " => " : " ~> ";
      lines.push_back(graph.describe(v) + arrow + graph.describe(graph.edge_arrays().targets[e]));
    }
  }
  return lines;
}

Schedule parse(std::string_view text) {
  return parse_csv(text, "f.csv").schedule;
}

// Of two directions on two ranks, down 0 -> 1 and up 1 -> 0, with no program yet.
ScheduleWriter two_ways(std::uint32_t micro_batches) {
  return {"two ways", {2, {{Rank{0}, Rank{1}}, {Rank{1}, Rank{0}}}}, micro_batches, 8};
}

// How many transfers a graph has; each must go from its sender's rank to its receiver's.
int check_transfer_ends(const OpGraph& graph) {
  int transfers = 0;
  for (VertexId v = 0; v < graph.vertex_count(); ++v) {
    for (EdgeId e = graph.edge_arrays().out_begin[v]; e < graph.edge_arrays().out_begin[v + 1]; ++e) {
      if (!is_transfer(graph.edge_arrays().classes[e])) continue;
      const TransferClass& transfer = graph.transfer_classes()[graph.edge_arrays().classes[e]];
      CHECK(transfer.from == graph.rank_of(v));
      CHECK(transfer.to == graph.rank_of(graph.edge_arrays().targets[e]));
      ++transfers;
    }
  }
  return transfers;
}

}  // namespace

TEST_CASE("edges are program order and transfers, numbered by source and target") {
  const OpGraph graph = graph_of(make_schedule("1f1b", {2, 1, 1}), uniform_costs(1, 2, 3, 4));
  CHECK(edges_of(graph) == std::vector<std::string>{
                               "rank 0: F of stage 0, micro-batch 0 -> rank 0: B of stage 0, micro-batch 0",
                               "rank 0: F of stage 0, micro-batch 0 ~> rank 1: F of stage 1, micro-batch 0",
                               "rank 1: F of stage 1, micro-batch 0 -> rank 1: B of stage 1, micro-batch 0",
                               "rank 1: B of stage 1, micro-batch 0 ~> rank 0: B of stage 0, micro-batch 0",
                           });
  CHECK(graph.rank_begin().size() == 3);
  CHECK(graph.durations()[0] == Time(1));
  CHECK(graph.durations()[1] == Time(2));
  const TransferClass& transfer = graph.transfer_classes()[graph.edge_arrays().classes[1]];
  CHECK(transfer.from == Rank{0});
  CHECK(transfer.to == Rank{1});
  CHECK(transfer.bytes == Bytes(3));
  CHECK(transfer.transmission == Time(3));
  CHECK(transfer.latency == Time(4));
  CHECK(transfer.links.size() == 1);
}

TEST_CASE("in-edges are the out-edges seen from the other end") {
  const OpGraph graph = graph_of(make_schedule("interleaved", {3, 6, 2}), uniform_costs(1, 2));
  std::uint32_t seen = 0;
  for (VertexId v = 0; v < graph.vertex_count(); ++v) {
    for (EdgeId in = graph.edge_arrays().in_begin[v]; in < graph.edge_arrays().in_begin[v + 1];
         ++in, ++seen) {
      const VertexId source = graph.edge_arrays().in_sources[in];
      const EdgeId edge = graph.edge_arrays().in_edges[in];
      CHECK(graph.edge_arrays().targets[edge] == v);
      CHECK(graph.edge_arrays().out_begin[source] <= edge);
      CHECK(edge < graph.edge_arrays().out_begin[source + 1]);
    }
  }
  CHECK(seen == graph.edge_count());
}

TEST_CASE("stages of one rank need no transfer between them") {
  const OpGraph graph = graph_of(make_schedule("interleaved", {1, 2, 3}), uniform_costs(1, 2, 3));
  CHECK(graph.transfer_classes().empty());
  CHECK(graph.edge_count() == graph.vertex_count() - 1);
  CHECK(find_cycle(graph).empty());
}

TEST_CASE("an order that is upside down within a rank is a cycle") {
  // One rank holds both stages and wants stage 1 first.
  const OpGraph graph = graph_of(parse("1F0,0F0,1B0,0B0\n"), uniform_costs(1, 2));
  const auto cycle = find_cycle(graph);
  REQUIRE(cycle.size() == 2);
  CHECK(
      make_deadlock_error(graph, cycle).cycle() ==
      std::vector<std::string>{"rank 0: F of stage 1, micro-batch 0", "rank 0: F of stage 0, micro-batch 0"});
}

TEST_CASE("a deadlock across ranks is named op by op, each waiting for the one before it") {
  // Rank 1 runs B1 before B0; rank 0 runs F1 only behind B0, which waits for rank 1's B0.
  const OpGraph graph = graph_of(parse("0F0,0B0,0F1,0B1\n1F0,1F1,1B1,1B0\n"), uniform_costs(1, 2));
  const auto cycle = find_cycle(graph);
  CHECK(make_deadlock_error(graph, cycle).cycle() ==
        std::vector<std::string>{"rank 0: B of stage 0, micro-batch 0", "rank 0: F of stage 0, micro-batch 1",
                                 "rank 1: F of stage 1, micro-batch 1", "rank 1: B of stage 1, micro-batch 1",
                                 "rank 1: B of stage 1, micro-batch 0"});
}

TEST_CASE("a pair is one vertex as long as the pair rule says") {
  const Schedule schedule = parse("0F0,(0F1;0B0)OVERLAP_F_B,0B1\n");
  CostsInput costs = uniform_costs(3, 5);
  for (const auto& [rule, expected] : std::vector<std::pair<PairCost, Time>>{
           {PairRule::Sum, Time(8)}, {PairRule::Max, Time(5)}, {Time(6), Time(6)}}) {
    costs.pair = rule;
    const OpGraph graph = graph_of(schedule, costs);
    CHECK(graph.vertex_count() == 3);
    CHECK(graph.ops(1).size() == 2);
    CHECK(graph.durations()[1] == expected);
    CHECK(graph.describe(1) == "rank 0: F of stage 0, micro-batch 1 with B of stage 0, micro-batch 0");
  }
}

TEST_CASE("a gradient reduction follows a rank's program, one for each of its stages") {
  const Schedule schedule = make_schedule("interleaved", {2, 2, 2});
  Workload workload = workload_of(uniform_costs(1, 2), schedule);
  for (StageCosts& stage : workload.stages) stage.ops[OpKind::GradientReduction].duration = Time(7);
  workload.stages[3].ops[OpKind::GradientReduction].duration = Time{};
  const OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
  CHECK(graph.vertex_count() == schedule.ops.size() + 3);
  const VertexId end = graph.rank_begin()[1];
  CHECK(graph.describe(end - 2) == "rank 0: REDUCE_GRAD of stage 0");
  CHECK(graph.describe(end - 1) == "rank 0: REDUCE_GRAD of stage 2");
  CHECK(graph.durations()[end - 1] == Time(7));
}

TEST_CASE("an optimizer step follows its stage's reduction, and stands alone where there is none") {
  const Schedule schedule = make_schedule("interleaved", {2, 2, 2});
  Workload workload = workload_of(uniform_costs(1, 2), schedule);
  workload.stages[0].ops[OpKind::GradientReduction].duration = Time(7);
  workload.stages[0].ops[OpKind::OptimizerStep].duration =
      workload.stages[1].ops[OpKind::OptimizerStep].duration = Time(5);
  const OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
  CHECK(graph.vertex_count() == schedule.ops.size() + 3);
  const VertexId end = graph.rank_begin()[1];
  CHECK(graph.describe(end - 2) == "rank 0: REDUCE_GRAD of stage 0");
  CHECK(graph.describe(end - 1) == "rank 0: OPTIMIZER of stage 0");
  CHECK(graph.describe(graph.vertex_count() - 1) == "rank 1: OPTIMIZER of stage 1");
  CHECK(graph.durations()[end - 1] == Time(5));
}

TEST_CASE("durations that could pass the range of time are refused") {
  // 2 ranks x 25 micro-batches x 3 years = 150 years; 2^62 ns are 146.
  const std::int64_t year = 365LL * 24 * 3600 * 1'000'000'000;
  const Schedule schedule = make_schedule("gpipe", {2, 25, 1});
  CHECK_THROWS_AS((void)graph_of(schedule, uniform_costs(year, 2 * year)), Error);
  CHECK(graph_of(schedule, uniform_costs(year, year)).vertex_count() == 100);
}

TEST_CASE("the token of the last stage returns to the first") {
  // P = 2, one request, one token step: F(0,1) waits for F(1,0).
  const OpGraph graph = graph_of(make_schedule("inference", {2, 1, 1}, {{"decode_steps", std::int64_t{1}}}),
                                 uniform_costs(5, 0, 2, 1));
  CHECK(edges_of(graph)[3] == "rank 1: F of stage 1, micro-batch 0 ~> rank 0: F of stage 0, micro-batch 1");
}

TEST_CASE("token steps have costs of their own, and so have the boundaries behind them") {
  // P = 2, one request, two token steps of 3 and 4 ns; prefill sends 20 bytes, a token step 2, the token's
  // return included.
  const Schedule schedule = make_schedule("inference", {2, 1, 1}, {{"decode_steps", std::int64_t{2}}});
  Workload workload = workload_of(uniform_costs(5, 0, 20), schedule);
  for (StageCosts& stage : workload.stages) {
    stage.decode_forward = {Time(3), Time(4)};
    stage.decode_transfer = Bytes(2);
  }
  const OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
  CHECK(std::vector<Time>(graph.durations().begin(), graph.durations().end()) ==
        std::vector<Time>{Time(5), Time(3), Time(4), Time(5), Time(3), Time(4)});
  std::vector<std::int64_t> sent;  // by sender: rank 0's three boundaries, then rank 1's two tokens
  for (const EdgeClass kind : graph.edge_arrays().classes) {
    if (is_transfer(kind)) sent.push_back(graph.transfer_classes()[kind].bytes.count());
  }
  CHECK(sent == std::vector<std::int64_t>{20, 2, 2, 2, 2});
}

TEST_CASE("what the receivers gather is latency of the transfer, at the pace of their links") {
  const Schedule schedule = make_schedule("inference", {2, 1, 1}, {{"decode_steps", std::int64_t{1}}});
  Workload workload = workload_of(uniform_costs(5, 0, 20, 3), schedule);
  for (StageCosts& stage : workload.stages) {
    stage.forward_gather = Time(10);
    stage.decode_gather = Time(6);
  }
  const auto latencies = [&] {
    std::vector<std::int64_t> list;  // prefill, token, and the token's return
    const OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
    for (const EdgeClass kind : graph.edge_arrays().classes)
      if (is_transfer(kind)) list.push_back(graph.transfer_classes()[kind].latency.count());
    return list;
  };
  CHECK(latencies() == std::vector<std::int64_t>{13, 9, 9});
  workload.rank_speeds = {{}, {.tensor_comm = 0.5}};
  CHECK(latencies() == std::vector<std::int64_t>{23, 15, 9});
}

TEST_CASE("a gradient's receivers gather too") {
  const Schedule schedule = make_schedule("1f1b", {2, 1, 1});
  Workload workload = workload_of(uniform_costs(5, 8, 20, 3), schedule);
  workload.stages[1].backward_gather = Time(4);
  const OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
  // F 5, hop 23, F 5, B 8, hop 27, B 8.
  CHECK(longest_path(graph) == Time(5 + 23 + 5 + 8 + 27 + 8));
}

TEST_CASE("edges of a pair to one and the same pair come in the order of their classes") {
  // The pair of rank 0 sends 0F1's boundary and 3B0's gradient to rank 1's pair.
  const OpGraph graph = graph_of(parse("0F0,3F0,(0F1;3B0)OVERLAP_F_B,3F1,3B1,0B0,0B1\n"
                                       "1F0,2F0,(1F1;2B0)OVERLAP_F_B,2F1,1B0,2B1,1B1\n"),
                                 uniform_costs(1, 2));
  const EdgeId first = graph.edge_arrays().out_begin[2];
  REQUIRE(graph.edge_arrays().out_begin[3] == first + 3);
  CHECK(graph.edge_arrays().classes[first] == kProgramEdge);
  CHECK(graph.edge_arrays().targets[first + 1] == graph.edge_arrays().targets[first + 2]);
  CHECK(graph.edge_arrays().classes[first + 1] < graph.edge_arrays().classes[first + 2]);
}

TEST_CASE("in two directions each micro-batch takes the route of its own") {
  // Micro-batch 0 goes down, 1 goes up: a forward and a gradient between the ranks for each.
  ScheduleWriter out = two_ways(2);
  for (const std::size_t entering : {0U, 1U}) {  // the micro-batch that enters the model on this rank
    out.forward(0, entering);
    out.forward(1, 1 - entering);
    out.backward(1, 1 - entering);
    out.backward(0, entering);
    out.next_rank();
  }
  Schedule schedule = std::move(out).take();
  schedule.directions = {0, 1};
  const OpGraph graph = graph_of(schedule, uniform_costs(1, 2, 3));
  CHECK(check_transfer_ends(graph) == 4);
  CHECK(find_cycle(graph).empty());
}

TEST_CASE("in two directions a token returns to the first stage of its own") {
  // Requests 0 (down) and 1 (up), one token step each: boundaries 0, 1, 2, 3 and the tokens of 0 and 1.
  ScheduleWriter out = two_ways(4);
  for (const std::size_t entering : {0U, 1U}) {
    for (const std::size_t step : {0U, 2U}) {
      out.forward(0, step + entering);
      out.forward(1, step + 1 - entering);
    }
    out.next_rank();
  }
  Schedule schedule = std::move(out).take();
  schedule.directions = {0, 1, 0, 1};
  schedule.forward_only = true;
  schedule.requests = 2;
  const OpGraph graph = graph_of(schedule, uniform_costs(1, 0, 3));
  CHECK(check_transfer_ends(graph) == 6);
  CHECK(find_cycle(graph).empty());
}

TEST_CASE(
    "EVICT and LOAD are transfers beside compute: a forward waits for the room, a backward for the way "
    "back") {
  const OpGraph graph =
      graph_of(parse("0F0,0EVICT0,0F1,0LOAD0,0B0,0B1\n1F0,1B0,1F1,1B1\n"), uniform_costs(1, 2, 3, 4));
  REQUIRE(graph.copies().size() == 2);
  const auto end = [&](const CopyEdge& copy) {
    const auto begin = graph.edge_arrays().out_begin;
    const auto source = std::upper_bound(begin.begin(), begin.end(), copy.edge) - begin.begin() - 1;
    return graph.describe(static_cast<VertexId>(source)) + " ~> " +
           graph.describe(graph.edge_arrays().targets[copy.edge]);
  };
  const auto [evict, load] = std::pair(graph.copies()[0], graph.copies()[1]);
  CHECK(evict.op == Op{OpKind::Evict, false, Stage{0}, MicroBatch{0}});
  CHECK(end(evict) == "rank 0: F of stage 0, micro-batch 0 ~> rank 0: F of stage 0, micro-batch 1");
  CHECK(load.op == Op{OpKind::Load, false, Stage{0}, MicroBatch{0}});
  CHECK(end(load) == "rank 0: F of stage 0, micro-batch 1 ~> rank 0: B of stage 0, micro-batch 0");
  const TransferClass& out = graph.transfer_classes()[graph.edge_arrays().classes[evict.edge]];
  const TransferClass& back = graph.transfer_classes()[graph.edge_arrays().classes[load.edge]];
  CHECK((out.from == Rank{0} && out.to == Rank{1} && back.from == Rank{1} && back.to == Rank{0}));
  CHECK((out.bytes == Bytes(1000) && out.transmission == Time(1000) && out.latency == Time(4)));
  CHECK((!out.holds_sender && !back.holds_sender));
}

// The update needs all of a step's gradients, and the last backward of a step differs from rank to rank.
TEST_CASE("each of several steps ends with a reduction on every rank") {
  const Schedule schedule = make_schedule("pipedream-2bw", {2, 2, 1}, {{"steps", std::int64_t{2}}});
  Workload workload = workload_of(uniform_costs(1, 2), schedule);
  for (StageCosts& stage : workload.stages) stage.ops[OpKind::GradientReduction].duration = Time(7);
  const OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
  std::vector<std::string> kinds(2);
  for (VertexId v = 0; v < graph.vertex_count(); ++v)
    kinds[index(graph.rank_of(v))] += std::string(name(graph.ops(v)[0].kind)) + ' ';
  CHECK(kinds[0] == "F F B F B REDUCE_GRAD F B B REDUCE_GRAD ");
  CHECK(kinds[1] == "F B F B REDUCE_GRAD F B F B REDUCE_GRAD ");
}

}  // namespace ppsim::op_graph_test
