#include "metrics/gpu_trace.hpp"

#include <doctest/doctest.h>

namespace ppsim::test::gpu_trace_test {
namespace {

constexpr GpuWork kCompute = GpuWork::Compute, kTransfer = GpuWork::PointToPoint,
                  kCollective = GpuWork::Collective;

GpuKernel kernel(GpuWork work, int start, int finish) {
  GpuKernel result;
  result.work = work;
  result.start = Time(start);
  result.finish = Time(finish);
  return result;
}

GpuTrace trace_of(std::vector<GpuKernel> kernels, std::vector<TraceAnnotation> annotations = {}) {
  GpuTrace trace;
  trace.names = {"any"};
  trace.kernels = std::move(kernels);
  trace.ranges = std::move(annotations);
  return trace;
}

TraceAnnotation step(int number, int start, int finish) {
  return {"ProfilerStep#" + std::to_string(number), false, 0, Time(start), Time(finish)};
}

// 10-30 compute, of it 20-30 beside a collective that goes on to 35; a receive 30-60 beside the collective,
// whose shortest is 5: 55-60 moves, 35-55 spins; 60-65 nothing; another receive 65-70 moves.
TEST_CASE("compute counts first, then collectives, then transfers, and the rest of a receive is waiting") {
  const GpuActivity activity = measure_activity(
      trace_of({kernel(kCompute, 10, 20), kernel(kCompute, 20, 30), kernel(kCollective, 20, 35),
                kernel(kTransfer, 30, 60), kernel(kTransfer, 65, 70)}));
  CHECK(activity.window == Time(60));
  CHECK(activity.step_time == Time(60));
  CHECK(activity.steps == 0);
  CHECK(activity.compute == Time(20));
  CHECK(activity.collective == Time(5));
  CHECK(activity.transfer == Time(10));
  CHECK(activity.wait == Time(20));
  CHECK(activity.idle == Time(5));
  CHECK(activity.bubble_fraction() == doctest::Approx(35.0 / 60));
}

// The shortest from rank 0 took 4, that from rank 2 took 10.
TEST_CASE("what a transfer takes is the shortest between the same ranks") {
  std::vector<GpuKernel> kernels = {kernel(kTransfer, 0, 4), kernel(kTransfer, 10, 20),
                                    kernel(kTransfer, 20, 30)};
  kernels[0].from = kernels[1].from = 0;
  kernels[2].from = 2;
  const GpuActivity activity = measure_activity(trace_of(kernels));
  CHECK(activity.transfer == Time(4 + 4 + 10));
  CHECK(activity.wait == Time(6));
}

// Steps 0-40 and 50-80; of the kernels, 30-40 and 50-60 lie in them, and 40-50 in none.
TEST_CASE("marked steps are the window, and the median of them the step time") {
  const GpuActivity activity =
      measure_activity(trace_of({kernel(kCompute, 30, 60)}, {step(3, 0, 40), step(4, 50, 80)}));
  CHECK(activity.steps == 2);
  CHECK(activity.step_time == Time(30));
  CHECK(activity.window == Time(70));
  CHECK(activity.compute == Time(20));
  CHECK(activity.idle == Time(50));
}

TEST_CASE("steps that the host marked count before those on the GPU, of which one stream's do") {
  TraceAnnotation gpu = step(0, 5, 15);
  gpu.on_gpu = true;
  gpu.stream = 7;
  TraceAnnotation other_stream = gpu;
  other_stream.stream = 9;
  CHECK(profiler_steps(trace_of({}, {gpu, other_stream})).size() == 1);
  CHECK(profiler_steps(trace_of({}, {step(0, 0, 10), gpu})).front().start == Time(0));
}

TEST_CASE("the bubble of all ranks is their idle time against their windows") {
  const GpuActivity busy = measure_activity(trace_of({kernel(kCompute, 0, 30)}));
  const GpuActivity half = measure_activity(trace_of({kernel(kCompute, 0, 5), kernel(kCompute, 9, 10)}));
  CHECK(bubble_fraction(std::vector{busy, half}) == doctest::Approx(4.0 / 40));
}

}  // namespace
}  // namespace ppsim::test::gpu_trace_test
