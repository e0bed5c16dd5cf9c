// Seconds that each schedule of the registry takes to make: bench_schedules P M [RUNS]
//
// Options by default; F, I and W take 1 ms, a hop 55 us. Medians, as a table on stdout: with M and half as
// many micro-batches, since what is linear takes twice as long for twice as many. Exit status 1 where a
// schedule takes more than a second, or does not fit.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include "ppsim/core/error.hpp"
#include "ppsim/schedule/registry.hpp"

using namespace ppsim;

namespace {

constexpr double kMostSeconds = 1;

// V as the schedule has it; two where it is free.
std::uint32_t chunks_of(const ScheduleInfo& info, const OptionValues& options) {
  switch (info.chunk_rule) {
    case ChunkRule::One:
      return 1;
    case ChunkRule::Two:
    case ChunkRule::Any:
      return 2;
    case ChunkRule::Own:
      return info.chunks(options);
  }
  return 1;
}

Workload equal_stages(const Shape& shape) {
  CostsInput costs;
  costs.forward = costs.input_grad = costs.weight_grad = {Time(1'000'000)};
  costs.transfer = {Bytes(2'500'000)};
  costs.activation = {Bytes(1'000'000)};
  costs.link = {BytesPerSecond(50'000'000'000), Time(5'000)};
  const std::uint32_t stages = shape.ranks * shape.chunks;
  return make_workload(costs, {shape.ranks, stages, {}}, stages);
}

struct Made {
  double seconds = 0;
  std::size_t ops = 0;
};

Made make(const ScheduleInfo& info, std::uint32_t P, std::uint32_t M, std::uint32_t runs) {
  const OptionValues options = complete_options(info, {});
  const Shape shape{P, M, chunks_of(info, options)};
  const Workload workload = equal_stages(shape);
  std::vector<double> seconds;
  Made made;
  for (std::uint32_t run = 0; run < runs; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    const Schedule schedule = make_schedule(info, {shape, options, &workload});
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    made.ops = schedule.ops.size();
  }
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  made.seconds = *middle;
  return made;
}

std::uint32_t number(const char* text) {
  std::uint32_t value = 0;
  const char* end = text + std::strlen(text);
  const auto [last, error] = std::from_chars(text, end, value);
  if (error != std::errc{} || last != end || value == 0)
    throw Error("", fmt::format("{}: expected a number above 0", text));
  return value;
}

int bench(std::uint32_t P, std::uint32_t M, std::uint32_t runs) {
  bool slow = false;
  std::puts(
      fmt::format("{} ranks; ms for {} and {} micro-batches, medians of {}\n", P, M / 2, M, runs).c_str());
  std::puts("schedule              half      full     ratio        ops    ns/op");
  for (const ScheduleInfo* info : all_schedules()) {
    const Made half = make(*info, P, M / 2, runs), full = make(*info, P, M, runs);
    std::puts(fmt::format("{:<16} {:9.2f} {:9.2f} {:9.2f} {:10} {:8.1f}", info->name, 1e3 * half.seconds,
                          1e3 * full.seconds, full.seconds / half.seconds, full.ops,
                          1e9 * full.seconds / static_cast<double>(full.ops))
                  .c_str());
    if (full.seconds <= kMostSeconds) continue;
    slow = true;
    std::fputs(fmt::format("{} took more than {} s\n", info->name, kMostSeconds).c_str(), stderr);
  }
  return slow ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::fputs("usage: bench_schedules P M [RUNS], M such that every schedule takes it and half of it\n",
               stderr);
    return 2;
  }
  try {
    return bench(number(argv[1]), number(argv[2]), argc > 3 ? number(argv[3]) : 5);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
