// Seconds that the graph and each way to run it take: bench_engine P M [RUNS]
//
// 1F1B at the costs of DESIGN's reference table (F 1 ms, B 2 ms, a hop of 55 us). Medians, on stdout as one
// JSON line; exit status 1 where two ways to run it do not agree, or do not meet the closed form.
#include <fmt/format.h>

#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "engine/link_model.hpp"
#include "ppsim/engine/simulate.hpp"
#include "ppsim/schedule/registry.hpp"

using namespace ppsim;

namespace {

Workload reference_workload(std::uint32_t ranks) {
  CostsInput costs;
  costs.forward = {Time(1'000'000)};
  costs.backward = {Time(2'000'000)};
  costs.transfer = {Bytes(2'500'000)};
  costs.activation = {Bytes(1'000'000)};
  costs.link = {BytesPerSecond(50'000'000'000), Time(5'000)};
  return make_workload(costs, {ranks, ranks, {}}, ranks);
}

// (M + P - 1)(F + B) + c [2 (P - 1) M / P + 2 (P - 2)] where P divides M and P > 1.
Time closed_form(std::uint32_t P, std::uint32_t M) {
  const std::int64_t hops = 2LL * (P - 1) * (M / P) + 2LL * (P - 2);
  return Time((std::int64_t{M} + P - 1) * 3'000'000 + hops * 55'000);
}

Time makespan(const Timeline& timeline) {
  return *std::max_element(timeline.finish.begin(), timeline.finish.end());
}

// Seconds of `work`, which returns what it made: freeing that is not counted.
template <class Work>
double seconds_of(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  [[maybe_unused]] const auto made = work();
  const auto end = std::chrono::steady_clock::now();
  return std::chrono::duration<double>(end - begin).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

long peak_memory_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

std::uint32_t number(const char* text) {
  std::uint32_t value = 0;
  const char* end = text + std::strlen(text);
  const auto [last, error] = std::from_chars(text, end, value);
  if (error != std::errc{} || last != end || value == 0) {
    throw Error("", fmt::format("{}: expected a number above 0", text));
  }
  return value;
}

bool agree(const OpGraph& graph, Time expected) {
  const Timeline timeline = simulate(graph, Contention("none"));
  const auto links = Contention("none").info().make(graph);
  return makespan(timeline) == expected && timeline == run_events(graph, *links) &&
         timeline ==
             simulate(graph,
                      Contention("fifo"));  // each pair of ranks has its link, used in steps of F and B
}

int bench(std::uint32_t P, std::uint32_t M, std::uint32_t runs) {
  const ScheduleInfo& info = find_schedule("1f1b");
  const Schedule schedule = make_schedule(info, {{P, M, 1}, complete_options(info, {}), nullptr});
  const Workload workload = reference_workload(P);
  const auto build = [&] { return build_graph(schedule, workload, Communication::Overlap); };
  const OpGraph graph = build();
  const auto events = [&](Contention contention) {
    return run_events(graph, *contention.info().make(graph));
  };
  Simulator simulator(graph, Contention("none"));  // what a run among many takes
  std::map<std::string, std::vector<double>> seconds;
  for (std::uint32_t run = 0; run < runs; ++run) {  // in turn, so that a slow moment meets all of them
    seconds["build_graph"].push_back(seconds_of(build));
    seconds["simulate"].push_back(seconds_of([&] { return simulate(graph, Contention("none")); }));
    seconds["simulate_again"].push_back(seconds_of([&] { return makespan(simulator.run()); }));
    seconds["events"].push_back(seconds_of([&] { return events(Contention("none")); }));
    seconds["events_fifo"].push_back(seconds_of([&] { return events(Contention("fifo")); }));
  }
  std::string line = fmt::format(R"({{"ops": {}, "edges": {})", graph.vertex_count(), graph.edge_count());
  for (const auto& [name, values] : seconds) line += fmt::format(R"(, "{}_s": {:.6f})", name, median(values));
  line += fmt::format(R"(, "peak_memory_mib": {}}})", peak_memory_mib());
  std::puts(line.c_str());
  if (agree(graph, closed_form(P, M))) return 0;
  std::fputs("the engines disagree with each other or with the closed form\n", stderr);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::fputs("usage: bench_engine P M [RUNS], M a multiple of P > 1\n", stderr);
    return 2;
  }
  try {
    return bench(number(argv[1]), number(argv[2]), argc > 3 ? number(argv[3]) : 5);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
