#include "explore/trace/import_trace.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "input/scratch.hpp"
#include "input/timeline/kineto_reader.hpp"
#include "output/trace/kineto_writer.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/explore/run/run.hpp"

namespace ppsim::import_trace_test {
namespace {

/// F 10 us, B 20 us, a hop of 1.5 us, two ranks, two micro-batches.
Run small_run(const std::string& schedule = "1f1b", const std::string& parallelism = "") {
  const test::Scratch scratch;
  const Config config = load_config(scratch.put("c.json", R"({
    "costs": {"forward": "10 us", "backward": "20 us", "transfer": "1 kB",
              "link": {"bandwidth": "1 GB/s", "latency": "500 ns"}},
    "parallelism": {"pipeline": 2, "micro_batches": 2)" + parallelism +
                                                              R"(}, "schedule": {"name": ")" + schedule +
                                                              "\"}}"));
  return run(config);
}

std::vector<GpuTrace> traces_of(const Run& run) {
  const test::Scratch scratch;
  std::vector<GpuTrace> traces;
  for (std::uint32_t rank = 0; rank < run.graph.rank_count(); ++rank) {
    const std::string text = kineto_trace(run.graph, run.timeline, run.plan.schedule, Rank{rank});
    traces.push_back(read_kineto(scratch.put("t.json", text)));
    traces.back().source = "rank" + std::to_string(rank);
  }
  return traces;
}

ImportedTrace import_run(const Run& run, const std::vector<GpuTrace>& traces) {
  return import_traces(run.graph, run.plan.schedule, traces);
}

std::string fault_of(const Run& run, const std::vector<GpuTrace>& traces) {
  try {
    (void)import_run(run, traces);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

template <class Keep>
void keep_annotations(std::vector<GpuTrace>& traces, Keep keep) {
  for (GpuTrace& trace : traces)
    std::erase_if(trace.ranges, [&](const TraceAnnotation& range) { return !keep(range); });
}

EdgeId transfer_from(const OpGraph& graph, VertexId vertex) {
  EdgeId edge = graph.edge_arrays().out_begin[vertex];
  while (!is_transfer(graph.edge_arrays().classes[edge])) ++edge;
  return edge;
}

/// As Megatron's annotations would be: the kind alone, on the host.
void rename_to_kinds(std::vector<GpuTrace>& traces) {
  for (GpuTrace& trace : traces) {
    for (TraceAnnotation& range : trace.ranges) {
      if (range.text.find('F') != std::string::npos) range.text = "forward_step";
      if (range.text.find('B') != std::string::npos) range.text = "backward_step";
    }
  }
}

TEST_CASE("a run that was written comes back to the nanosecond, whatever the schedule") {
  for (const char* name : {"1f1b", "gpipe", "zb-h1", "interleaved", "zbv"}) {
    CAPTURE(name);
    const bool chunks = name == std::string("interleaved") || name == std::string("zbv");
    const Run run = small_run(name, chunks ? ", \"virtual_stages\": 2" : "");
    const ImportedTrace imported = import_run(run, traces_of(run));
    REQUIRE(imported.steps.size() == 1);
    CHECK(imported.steps[0] == run.timeline);
  }
}

TEST_CASE("annotations of the host count by the kernels that were launched in them") {
  const Run run = small_run();
  std::vector<GpuTrace> traces = traces_of(run);
  keep_annotations(traces, [](const TraceAnnotation& range) { return !range.on_gpu; });
  CHECK(import_run(run, traces).steps[0] == run.timeline);
}

TEST_CASE("annotations that name kinds count in the order of the program") {
  const Run run = small_run();
  std::vector<GpuTrace> traces = traces_of(run);
  rename_to_kinds(traces);
  CHECK(import_run(run, traces).steps[0] == run.timeline);
}

TEST_CASE("without annotations ops are kernels that repeat as the schedule does") {
  for (const char* name : {"1f1b", "gpipe"}) {
    CAPTURE(name);
    const Run run = small_run(name);
    std::vector<GpuTrace> traces = traces_of(run);
    keep_annotations(traces, [](const TraceAnnotation&) { return false; });
    const ImportedTrace imported = import_run(run, traces);
    CHECK(imported.steps[0] == run.timeline);
    CHECK(imported.notes[0] == "ops of 2 of 2 ranks were found by kernels whose names repeat");
  }
}

// The last stage runs F B F B: where F ends shows in nothing but what its kernels are called.
TEST_CASE("where kernels do not tell one op from the next, that is an error") {
  const Run run = small_run();
  std::vector<GpuTrace> traces = traces_of(run);
  keep_annotations(traces, [](const TraceAnnotation&) { return false; });
  for (std::string& name : traces[1].names)
    name = name.substr(0, 4) == "nccl" ? name : "k" + name.substr(0, 4);
  CHECK(fault_of(run, traces) ==
        "rank1: rank 1, step 0: the names of the kernels do not tell where one op ends and the next begins; "
        "expected annotations such as \"0F3\", or kernels that repeat as the schedule's ops do");
}

TEST_CASE("kernels that do not repeat as the schedule does are an error") {
  const Run run = small_run();
  std::vector<GpuTrace> traces = traces_of(run);
  keep_annotations(traces, [](const TraceAnnotation&) { return false; });
  traces[0].kernels.erase(traces[0].kernels.begin() + 1, traces[0].kernels.end());
  CHECK(fault_of(run, traces).find("rank0: rank 0, step 0: 1 compute kernels do not make 4 ops") == 0);
}

// Steps one after the other, 1 ms apart: each is imported by itself.
TEST_CASE("several steps are as many timelines") {
  const Run run = small_run();
  for (const bool annotated : {true, false}) {
    CAPTURE(annotated);
    std::vector<GpuTrace> traces = traces_of(run);
    for (GpuTrace& trace : traces) {
      const auto kernels = trace.kernels;
      const auto ranges = trace.ranges;
      for (int step = 1; step < 3; ++step) {
        const Time later = step * Time(1'000'000);
        for (GpuKernel kernel : kernels) {
          kernel.start += later, kernel.finish += later, *kernel.launch += later;
          trace.kernels.push_back(kernel);
        }
        for (TraceAnnotation range : ranges) {
          range.start += later, range.finish += later;
          trace.ranges.push_back(range);
        }
      }
    }
    if (!annotated)
      keep_annotations(traces,
                       [](const TraceAnnotation& range) { return range.text.starts_with("Profiler"); });
    CHECK(import_run(run, traces).steps == std::vector<Timeline>(3, run.timeline));
  }
}

TEST_CASE("clocks are aligned by the ends of transfers, and the notes say how far they were apart") {
  const Run run = small_run();
  std::vector<GpuTrace> traces = traces_of(run);
  for (GpuKernel& kernel : traces[1].kernels) {
    kernel.start += Time(1'234'567), kernel.finish += Time(1'234'567);
    kernel.launch.reset();
  }
  for (TraceAnnotation& range : traces[1].ranges)
    range.start += Time(1'234'567), range.finish += Time(1'234'567);
  const ImportedTrace imported = import_run(run, traces);
  CHECK(imported.steps[0] == run.timeline);
  CHECK(imported.notes.back() ==
        "clocks were aligned by up to 1.235 ms; 95 % of the transfers then end at both ends within 0 ns");
}

TEST_CASE("clocks that are more than an hour apart are of two jobs") {
  const Run run = small_run();
  std::vector<GpuTrace> traces = traces_of(run);
  for (GpuKernel& kernel : traces[1].kernels)
    kernel.start += std::chrono::hours(2), kernel.finish += std::chrono::hours(2);
  for (TraceAnnotation& range : traces[1].ranges)
    range.start += std::chrono::hours(2), range.finish += std::chrono::hours(2);
  CHECK(fault_of(run, traces) ==
        "the clocks of ranks 0 and 1 are more than an hour apart: expected traces of one job");
}

// As older profilers wrote them: no Src Rank, no Dst Rank. Receives end where they did; what they carry was
// ready when the op that made it ended, and moved from then on.
TEST_CASE("where NCCL kernels name no ranks, a transfer is the last one before the op that needs it") {
  const Run run = small_run();
  std::vector<GpuTrace> traces = traces_of(run);
  for (GpuTrace& trace : traces) {
    for (GpuKernel& kernel : trace.kernels) kernel.from = kernel.to = std::nullopt;
  }
  const ImportedTrace imported = import_run(run, traces);
  CHECK(imported.steps[0].start == run.timeline.start);
  CHECK(imported.notes.back().find("transfers were found by the ops that need them") != std::string::npos);
  // F0 0-10 on rank 0 arrives at 11.5.
  const EdgeId edge = transfer_from(run.graph, 0);
  CHECK(imported.steps[0].transfer_start[edge] == Time(10'000));
  CHECK(imported.steps[0].transfer_finish[edge] == Time(11'500));
}

TEST_CASE("what does not fit the schedule is an error that says what was found") {
  const Run run = small_run();
  std::vector<GpuTrace> traces = traces_of(run);
  const auto without = [&](const std::string& text) {
    std::vector<GpuTrace> fewer = traces;
    keep_annotations(fewer, [&](const TraceAnnotation& range) { return range.text != text; });
    return fault_of(run, fewer);
  };
  CHECK(without("PP:1F1") ==
        "rank1: lacks rank 1: F of stage 1, micro-batch 1 in step 0 of 1: expected an annotation with "
        "kernels for "
        "each op of the schedule in each step");
  std::vector<GpuTrace> kinds = traces;
  rename_to_kinds(kinds);
  kinds[0].ranges.erase(std::find_if(kinds[0].ranges.begin(), kinds[0].ranges.end(), [](const auto& range) {
    return range.on_gpu && range.text == "forward_step";
  }));
  CHECK(fault_of(run, kinds) == "rank0: rank 0: 1 of F found, the schedule has 2 a step");
  std::vector<GpuTrace> unsent = traces;
  std::erase_if(unsent[0].kernels, [](const GpuKernel& kernel) { return kernel.from == 0U; });
  CHECK(fault_of(run, unsent) == "rank0: 0 NCCL kernels from rank 0 to rank 1 found, expected 2, 2 a step");
  traces.pop_back();
  CHECK(fault_of(run, traces) == "1 traces, and the schedule has 2 ranks: expected one of each");
}

GpuTrace of_rank(std::optional<std::uint32_t> rank, std::string source) {
  GpuTrace trace;
  trace.rank = rank;
  trace.source = std::move(source);
  return trace;
}

TEST_CASE("traces stand in the order of their ranks, or without any as given") {
  const auto sorted = sort_by_rank({of_rank(8, "b"), of_rank(0, "a"), of_rank(16, "c")});
  CHECK(sorted[0].source == "a");
  CHECK(sorted[2].source == "c");
  CHECK(sort_by_rank({of_rank({}, "z"), of_rank({}, "y")})[0].source == "z");
}

TEST_CASE("traces of which one is missing, twice there, or without a rank are refused") {
  CHECK_THROWS_WITH_AS(
      (void)sort_by_rank({of_rank(3, "d"), of_rank(0, "a"), of_rank(1, "b")}),
      "the traces are of ranks 0, 1 and 3: expected ranks equally far apart, one of each position in "
      "the pipeline; one is missing",
      Error);
  CHECK_THROWS_WITH_AS((void)sort_by_rank({of_rank(1, "a"), of_rank(1, "b")}), "b: is of rank 1, as a is",
                       Error);
  CHECK_THROWS_WITH_AS((void)sort_by_rank({of_rank(1, "a"), of_rank({}, "b")}),
                       "b: has no distributedInfo with a rank, and another trace has: expected all or none",
                       Error);
}

}  // namespace
}  // namespace ppsim::import_trace_test
