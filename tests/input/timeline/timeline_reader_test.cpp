#include "ppsim/input/timeline/timeline_reader.hpp"

#include <doctest/doctest.h>

#include <rapidcheck.h>

#include <string>
#include <vector>

#include "input/scratch.hpp"
#include "ppsim/output/trace/timeline_csv.hpp"
#include "support.hpp"
#include "tiny_run.hpp"

namespace ppsim::test::timeline_reader_test {
namespace {

const std::string kHeader = "rank,stream,kind,stage,micro_batch,start_ns,finish_ns,bytes,peer\n";

TinyRun two_ranks() {
  return make_run(one_f_one_b(2, 1), tiny_costs());
}

std::vector<Timeline> read(const Scratch& scratch, const OpGraph& graph, const std::string& text) {
  return read_timeline(scratch.put("t.csv", text), graph);
}

// "t.csv, line 3: what is wrong", without the folder; "" where nothing is.
std::string fault_of(const OpGraph& graph, const std::string& text) {
  const Scratch scratch;
  try {
    (void)read(scratch, graph, text);
  } catch (const Error& error) {
    return std::string(error.what()).substr(std::string(error.what()).find("t.csv"));
  }
  return "";
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("what was written is read back, to the byte") {
  CHECK(rc::check([] {
    const Scratch scratch;
    const TinyRun run = random_run();
    const std::string text = timeline_csv(run.graph, run.timeline);
    const std::vector<Timeline> steps = read(scratch, run.graph, text);
    RC_ASSERT(steps.size() == 1U);
    RC_ASSERT(steps.front() == run.timeline);
  }));
}

TEST_CASE("several steps are read back, packed too") {
  const Scratch scratch;
  const TinyRun run = two_ranks();
  Timeline later = run.timeline;
  for (Time& finish : later.finish) finish += Time(7);
  const std::vector<Timeline> steps = {run.timeline, later, run.timeline};
  const std::string text = timeline_csv(run.graph, steps);
  CHECK(text.starts_with("step,rank,"));
  CHECK(read(scratch, run.graph, text) == steps);
}

TEST_CASE("reductions of one stage in several optimizer steps are told apart by their order") {
  ScheduleWriter writer("two steps", linear_placement(1), 2, 4);
  for (const std::uint32_t m : {0U, 1U}) {
    writer.forward(0, m);
    writer.backward(0, m);
  }
  writer.next_rank();
  Schedule schedule = std::move(writer).take();
  schedule.steps = 2;
  Workload workload = make_workload(tiny_costs(), RunShape{1, 1, {}}, 1);
  workload.stages[0].ops[OpKind::GradientReduction].duration = Time(5);
  const TinyRun run = make_run(std::move(schedule), std::move(workload));
  REQUIRE(run.graph.vertex_count() == 6);
  const Scratch scratch;
  CHECK(read(scratch, run.graph, timeline_csv(run.graph, run.timeline)).front() == run.timeline);
}

TEST_CASE("a file that is no timeline of the run says in which line") {
  const OpGraph graph = two_ranks().graph;
  const std::string good = timeline_csv(graph, two_ranks().timeline);
  CHECK(fault_of(graph, good) == "");
  CHECK(fault_of(graph, "") == "t.csv, line 1: is no timeline: expected \"" +
                                   kHeader.substr(0, kHeader.size() - 1) +
                                   "\", or \"step\" in front of that");
  CHECK(
      fault_of(graph, kHeader) ==
      "t.csv: lacks rank 0: F of stage 0, micro-batch 0: expected each op and transfer of the config's run");
  CHECK(fault_of(graph, with(good, "0,compute,F", "0,compute,Q")) ==
        "t.csv, line 2: there is no kind of op \"Q\"");
  CHECK(fault_of(graph, with(good, "0,compute,F", "0,thinking,F")) ==
        "t.csv, line 2: there is no stream \"thinking\"; there are compute, send, receive and collectives");
  CHECK(fault_of(graph, with(good, "10000,,", "10000,")) == "t.csv, line 2: has 8 cells, expected 9");
  CHECK(fault_of(graph, with(good, "0,0,10000", "0,-1,10000")) ==
        "t.csv, line 2: start_ns is \"-1\", expected a whole number");
  CHECK(fault_of(graph, with(good, "0,0,10000", "0,0,99999999999999999999")) ==
        "t.csv, line 2: finish_ns is \"99999999999999999999\", expected a whole number");
  CHECK(fault_of(graph, with(good, "0,0,10000", "0,20000,10000")) ==
        "t.csv, line 2: finish_ns is before start_ns");
  CHECK(fault_of(graph, good + "0,compute,F,0,0,0,10000,,\n") ==
        "t.csv, line 10: rank 0: F of stage 0, micro-batch 0: stands in the file already");
  CHECK(fault_of(graph, good + "0,compute,F,0,1,0,10000,,\n") ==
        "t.csv, line 10: rank 0: F of stage 0, micro-batch 1: the config's run has no such op or transfer");
  CHECK(fault_of(graph, with(good, "1000,1\n", "1001,1\n")) ==
        "t.csv, line 3: bytes is 1001, and in the config's run 1000");
  CHECK(
      fault_of(graph,
               good.substr(0, good.size() - 1 - std::string("0,compute,B,0,0,43000,63000,,").size())) ==
      "t.csv: lacks rank 0: B of stage 0, micro-batch 0: expected each op and transfer of the config's run");
}

TEST_CASE("ops in another order than the program's are those of another schedule") {
  const TinyRun run = two_ranks();
  Timeline other = run.timeline;
  std::swap(other.start[0], other.start[1]);
  std::swap(other.finish[0], other.finish[1]);
  CHECK(fault_of(run.graph, timeline_csv(run.graph, other)) ==
        "t.csv: rank 0: B of stage 0, micro-batch 0 starts before rank 0: F of stage 0, micro-batch 0, which "
        "the "
        "config's schedule has first");
}

TEST_CASE("steps stand in order, each whole") {
  const OpGraph graph = two_ranks().graph;
  const std::string row = "0,compute,F,0,0,0,10000,,\n";
  CHECK(fault_of(graph, "step," + kHeader + "1," + row) ==
        "t.csv, line 2: step 1 stands behind 0 steps: expected them in order, from 0");
  CHECK(fault_of(graph, "step," + kHeader + "0," + row + "1," + row).starts_with("t.csv: lacks rank 0: B"));
}

TEST_CASE("both halves of a pair have the same times") {
  ScheduleWriter writer("pairs", linear_placement(1), 2, 4);
  writer.forward(0, 0);
  writer.push({OpKind::Forward, true, Stage{0}, MicroBatch{1}});
  writer.backward(0, 0);
  writer.backward(0, 1);
  writer.next_rank();
  const TinyRun run = make_run(std::move(writer).take(), tiny_costs());
  const std::string good = timeline_csv(run.graph, run.timeline);
  CHECK(fault_of(run.graph, good) == "");
  CHECK(fault_of(run.graph, with(good, "B,0,0,10000,40000", "B,0,0,10000,40001")) ==
        "t.csv, line 4: rank 0: B of stage 0, micro-batch 0: the other half of its pair has other times");
}

}  // namespace ppsim::test::timeline_reader_test
