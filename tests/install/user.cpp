// A user of the installed library: the reference case of 8 ranks and 64 micro-batches.
#include <ppsim/ppsim.hpp>

#include <algorithm>
#include <iostream>

int main() {
  using namespace ppsim;
  using namespace std::chrono_literals;
  CostsInput costs{
      .forward = {1ms}, .backward = {2ms}, .transfer = {Bytes(2'500'000)}, .activation = {Bytes(1)}};
  costs.link = {.bandwidth = BytesPerSecond(50'000'000'000), .latency = 5us};
  const Workload workload = make_workload(costs, {.ranks = 8, .stages = 8}, 8);
  const ScheduleInfo& info = find_schedule("1f1b");
  const Schedule schedule = make_schedule(info, {{8, 64, 1}, complete_options(info, {}), &workload});
  const Timeline timeline =
      simulate(build_graph(schedule, workload, Communication::Overlap), Contention("none"));
  std::cout << all_schedules().size() << " schedules, makespan " << std::ranges::max(timeline.finish).count()
            << " ns\n";
}
