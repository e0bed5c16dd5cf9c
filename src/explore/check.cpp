#include "ppsim/explore/check.hpp"

#include <fmt/format.h>

#include "plan.hpp"
#include "ppsim/io/files.hpp"
#include "ppsim/io/quantity.hpp"
#include "ppsim/schedule/check.hpp"
#include "ppsim/schedule/text.hpp"

namespace ppsim {
namespace {

std::vector<Fault> memory_faults(const Report& report) {
  std::vector<Fault> faults;
  if (!report.gpu_memory) return faults;
  for (std::size_t rank = 0; rank < report.per_rank.size(); ++rank) {
    const Bytes peak = report.per_rank[rank].peak_memory;
    if (peak <= *report.gpu_memory) continue;
    faults.push_back(
        {fmt::format("rank {}", rank), fmt::format("does not fit: {} of {} at its peak", format_bytes(peak),
                                                   format_bytes(*report.gpu_memory))});
  }
  return faults;
}

// The order is legal: what remains is whether it ends, and whether its memory is there.
void check_run(ScheduleCheck& check, const Config& config, Workload workload) {
  try {
    PhaseSeconds unused;
    check.report = run(config, Plan{std::move(workload), check.schedule, {}}, unused).report;
    check.faults = memory_faults(*check.report);
  } catch (const DeadlockError& deadlock) {
    check.faults.push_back(deadlock.fault());
  }
}

// A file that is not in the grammar is a faulty schedule; one that is not there is an Error.
ScheduleCheck parse_for_check(const std::string& path) {
  ScheduleCheck check;
  const std::string text = read_file(path);
  try {
    ParsedSchedule parsed = parse_csv(text, path);
    check.note = std::move(parsed.note);
    check.schedule = std::move(parsed.schedule);
  } catch (const Error& error) {
    check.faults.push_back(error.fault());
  }
  return check;
}

// A free transfer: zero bytes at any rate.
constexpr BytesPerSecond kAnyRate{1'000'000'000};

Config unit_cost_config(const std::string& path, const Schedule& schedule) {
  Config config;
  config.path = path;
  config.schedule.file = path;
  config.parallelism.pipeline = schedule.ranks();
  config.parallelism.micro_batches = schedule.micro_batches;
  CostsInput costs;
  costs.forward = {Time(1)};
  costs.input_grad = costs.weight_grad = {Time(1)};
  costs.transfer = {Bytes(0)};
  costs.activation = {Bytes(1)};
  costs.link = Link{kAnyRate, Time(0)};
  config.input = costs;
  return config;
}

ScheduleCheck check_parsed(ScheduleCheck check, const Config& config) {
  if (check.faults.empty()) check.faults = check_order(check.schedule);
  if (!check.faults.empty()) return check;
  check_run(check, config, located(config, [&] { return workload_for(config, check.schedule); }));
  return check;
}

}  // namespace

ScheduleCheck check_schedule(const Config& config) {
  if (config.schedule.file) {
    ScheduleCheck check = parse_for_check(*config.schedule.file);
    if (check.faults.empty()) fit_to_config(config, check.schedule);
    return check_parsed(std::move(check), config);
  }
  Plan plan = make_plan(config);
  ScheduleCheck check;
  check.schedule = std::move(plan.schedule);
  check.faults = check_order(check.schedule);
  if (check.faults.empty()) check_run(check, config, std::move(plan.workload));
  return check;
}

ScheduleCheck check_schedule_file(const std::string& path) {
  ScheduleCheck check = parse_for_check(path);
  if (check.schedule.forward_only) check.schedule.requests = check.schedule.micro_batches;
  const Config config = unit_cost_config(path, check.schedule);
  return check_parsed(std::move(check), config);
}

}  // namespace ppsim
