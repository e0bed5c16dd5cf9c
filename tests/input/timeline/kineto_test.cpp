
#include <doctest/doctest.h>

#include <string>

#include "input/scratch.hpp"
#include "input/timeline/kineto_reader.hpp"
#include "output/trace/kineto_writer.hpp"
#include "ppsim/core/error.hpp"
#include "tiny_run.hpp"

namespace ppsim::test::kineto_test {
namespace {

GpuTrace read(const std::string& text) {
  const Scratch scratch;
  GpuTrace trace = read_kineto(scratch.put("t.json", text));
  trace.source = "t.json";
  return trace;
}

/// What reading says, without the folder.
std::string fault_of(const std::string& text) {
  const Scratch scratch;
  try {
    (void)read_kineto(scratch.put("t.json", text));
  } catch (const Error& error) {
    const std::string what = error.what();
    return what.substr(what.find("t.json"));
  }
  return "";
}

std::string with_events(const std::string& events, const std::string& more = "") {
  return "{\"schemaVersion\": 1, " + more + "\"traceEvents\": [" + events + "]}";
}

constexpr const char* kGemm =
    R"({"ph": "X", "cat": "kernel", "name": "gemm", "pid": 0, "tid": 7, "ts": 10.5, "dur": 2.125,
        "args": {"stream": 7, "correlation": 3}})";

TEST_CASE("times of kernels and ranges are exact to the nanosecond, since 1970 too") {
  const GpuTrace trace = read(with_events(
      R"({"ph": "X", "cat": "kernel", "name": "gemm", "tid": 7, "ts": 1700000000123456.789, "dur": 0.001},
         {"ph": "X", "cat": "user_annotation", "name": "0F3", "tid": 1, "ts": 5, "dur": 7.25})"));
  REQUIRE(trace.kernels.size() == 1);
  CHECK(trace.kernels[0].start == Time(1'700'000'000'123'456'789));
  CHECK(trace.kernels[0].finish == Time(1'700'000'000'123'456'790));
  REQUIRE(trace.ranges.size() == 1);
  CHECK(trace.ranges[0].text == "0F3");
  CHECK_FALSE(trace.ranges[0].on_gpu);
  CHECK(trace.ranges[0].start == Time(5000));
  CHECK(trace.ranges[0].finish == Time(12'250));
}

TEST_CASE("times count from baseTimeNanoseconds, wherever it stands") {
  for (const bool in_front : {true, false}) {
    const std::string base = "\"baseTimeNanoseconds\": 1700000000000000000";
    const std::string text = in_front ? with_events(kGemm, base + ", ")
                                      : "{\"traceEvents\": [" + std::string(kGemm) + "], " + base + "}";
    CHECK(read(text).kernels[0].start == Time(1'700'000'000'000'010'500));
  }
}

TEST_CASE("NCCL's kernels are told by their names, and their ranks by their arguments") {
  const GpuTrace trace = read(with_events(
      R"json({"ph": "X", "cat": "kernel", "name": "ncclDevKernel_SendRecv(ncclDevKernelArgsStorage<4096ul>)",
              "tid": 20, "ts": 1, "dur": 1, "args": {"stream": 20, "Src Rank": 1, "Dst Rank": 2}},
             {"ph": "X", "cat": "kernel", "name": "ncclKernel_AllReduce_RING_LL_Sum_half", "tid": 9, "ts": 2,
              "dur": 1},
             {"ph": "X", "cat": "kernel", "name": "flash_fwd_kernel", "tid": 7, "ts": 3, "dur": 1})json"));
  REQUIRE(trace.kernels.size() == 3);
  CHECK(trace.kernels[0].work == GpuWork::PointToPoint);
  CHECK(trace.kernels[0].stream == 20);
  CHECK(trace.kernels[0].from == 1U);
  CHECK(trace.kernels[0].to == 2U);
  CHECK(trace.kernels[1].work == GpuWork::Collective);
  CHECK(trace.kernels[1].stream == 9);  // its thread
  CHECK_FALSE(trace.kernels[1].from);
  CHECK(trace.kernels[2].work == GpuWork::Compute);
}

TEST_CASE("a kernel's launch is what the host called with the same correlation") {
  const GpuTrace trace =
      read(with_events(std::string(kGemm) +
                       R"(, {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "ts": 4,
                                               "dur": 1, "args": {"correlation": 3}})"));
  CHECK(trace.kernels[0].launch == Time(4000));
  CHECK_FALSE(read(with_events(kGemm)).kernels[0].launch);
}

TEST_CASE("the rank is distributedInfo's, where there is one") {
  CHECK(read(with_events(kGemm, R"("distributedInfo": {"backend": "nccl", "rank": 6, "world_size": 8}, )"))
            .rank == 6U);
  CHECK_FALSE(read(with_events(kGemm)).rank);
}

TEST_CASE("other events, and what lies deeper, are passed by") {
  const GpuTrace trace = read(with_events(
      std::string(kGemm) + R"(, {"ph": "M", "name": "process_name", "pid": 0, "args": {"name": "python"}},
         {"ph": "i", "name": "flow", "ts": "x"}, 7, [1, {"ts": 2}], null,
         {"ph": "X", "cat": "cpu_op", "name": "aten::mm", "ts": 1, "dur": 1, "args": {"Input Dims": [[1, {"stream": 4}]]}},
         {"ph": "X", "cat": "gpu_memcpy", "name": "Memcpy DtoH", "ts": 1, "dur": 1})",
      R"("deviceProperties": [{"id": 0, "traceEvents": [{"ph": "X", "cat": "kernel"}]}], )"));
  CHECK(trace.kernels.size() == 1);
  CHECK(trace.ranges.empty());
}

TEST_CASE("what is no such trace is refused in one line that says where") {
  CHECK(
      fault_of("{\"traceEvents\": [\n{\"ph\": \"X\", \"ts\":") ==
      "t.json, line 2, column 18: the file ends here, in the middle of its JSON: was it written to its end?");
  CHECK(fault_of("{\"traceEvents\": [}") == "t.json, line 1, column 18: is not JSON");
  CHECK(
      fault_of("") ==
      "t.json, line 1, column 1: the file ends here, in the middle of its JSON: was it written to its end?");
  CHECK(fault_of("[1]") ==
        "t.json: is no trace of a profiler: expected an object with a list \"traceEvents\"");
  CHECK(fault_of("{\"a\": {\"traceEvents\": []}}") ==
        "t.json: is no trace of a profiler: expected an object with a list \"traceEvents\"");
  CHECK(fault_of(with_events("")) ==
        "t.json: has no GPU kernel: expected a trace with the activity of a GPU (ProfilerActivity.CUDA)");
  const std::string head = R"({"ph": "X", "cat": "kernel", "name": "gemm", )";
  CHECK(fault_of(with_events(head + R"("dur": 1})")) ==
        "t.json#/traceEvents/0/ts: is no time of a kernel: expected microseconds, such as 12.345");
  for (const char* wrong : {"-1", "1e9", "\"x\"", "null", "99999999999999999999"}) {
    CAPTURE(wrong);
    CHECK(fault_of(with_events(std::string(kGemm) + ", " + head + "\"ts\": 1, \"dur\": " + wrong + "}")) ==
          "t.json#/traceEvents/1/dur: is no time of a kernel: expected microseconds, such as 12.345");
  }
  CHECK(fault_of(with_events(kGemm, "\"baseTimeNanoseconds\": 9000000000000000000, ")) ==
        "t.json#/baseTimeNanoseconds: is 9000000000000000000, expected at most 2^61");
}

// Rank 1: receives F0 from 0 on, which moves 10-11.5 us, runs it 11.5-21.5 and B0 21.5-41.5.
TEST_CASE("a run is written as its ranks' kernels, annotations and NCCL kernels") {
  const TinyRun run = make_run(one_f_one_b(2, 2), tiny_costs());
  const GpuTrace trace = read(kineto_trace(run.graph, run.timeline, run.schedule, Rank{1}));
  CHECK(trace.rank == 1U);
  std::vector<std::string> texts;
  for (const TraceAnnotation& range : trace.ranges) {
    if (range.on_gpu) texts.push_back(range.text);
  }
  CHECK(texts == std::vector<std::string>{"PP:1F0", "PP:1B0", "PP:1F1", "PP:1B1"});
  const Time base = trace.kernels.front().start;
  const GpuKernel& receive = trace.kernels.front();
  CHECK(receive.work == GpuWork::PointToPoint);
  CHECK(receive.finish - base == Time(11'500));
  CHECK(receive.from == 0U);
  std::size_t compute = 0;
  Time sum{};
  for (const GpuKernel& kernel : trace.kernels) {
    CHECK(kernel.launch == kernel.start);
    if (kernel.work != GpuWork::Compute) continue;
    ++compute;
    sum += kernel.finish - kernel.start;
  }
  CHECK(compute == 8);  // two an op
  CHECK(sum == Time(60'000));
}

}  // namespace
}  // namespace ppsim::test::kineto_test
