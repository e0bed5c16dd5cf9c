#include "ppsim/explore/run/check.hpp"
#include "ppsim/schedule/check/check.hpp"

#include <fmt/format.h>

#include <optional>

#include "explore/run/plan.hpp"
#include "ppsim/schedule/lowering.hpp"
#include "ppsim/schedule/text/text.hpp"
#include "text/files.hpp"
#include "text/quantity.hpp"

namespace ppsim {
namespace {

std::vector<Fault> memory_faults(const std::vector<RankMemory>& memory, std::optional<Bytes> capacity) {
  std::vector<Fault> faults;
  for (std::size_t rank = 0; capacity && rank < memory.size(); ++rank) {
    const Bytes peak = memory[rank].peak_total;
    if (peak <= *capacity) continue;
    faults.push_back(
        {fmt::format("rank {}", rank),
         fmt::format("does not fit: {} of {} at its peak", format_bytes(peak), format_bytes(*capacity))});
  }
  return faults;
}

// A schedule that never ends still asks for memory: its peaks follow from the order of each program alone.
std::vector<RankMemory> memory_in_program_order(const Plan& plan) {
  const OpGraph graph = build_graph(plan.schedule, plan.workload, Communication::Overlap);
  Timeline timeline;
  for (VertexId vertex = 0; vertex < graph.vertex_count(); ++vertex) {
    timeline.start.emplace_back(2 * std::int64_t{vertex});
    timeline.finish.emplace_back(2 * std::int64_t{vertex} + 1);
  }
  timeline.transfer_start.resize(graph.edge_count());  // read of copies alone: between the ops around them
  timeline.transfer_finish.resize(graph.edge_count());
  for (VertexId source = 0; source < graph.vertex_count(); ++source) {
    for (const GraphEdge edge : graph.out_edges(source)) {
      timeline.transfer_start[edge.id] = timeline.finish[source];
      timeline.transfer_finish[edge.id] = timeline.start[edge.target];
    }
  }
  return measure_memory(graph, timeline, plan.schedule, plan.workload);
}

// The order is legal: what remains is whether it ends, and whether its memory is there.
void check_run(ScheduleCheck& check, const Config& config, Workload workload) {
  const Plan plan{std::move(workload), check.schedule, {}};
  std::vector<RankMemory> memory;
  try {
    Run result = run(config, plan);
    check.report = std::move(result.report);
    memory = std::move(result.memory);
  } catch (const DeadlockError& deadlock) {
    check.faults.push_back(deadlock.fault());
    memory = memory_in_program_order(plan);
  }
  for (Fault& fault : memory_faults(memory, plan.workload.gpu_memory))
    check.faults.push_back(std::move(fault));
}

// A file that is not in the grammar is a faulty schedule; one that is not there is an Error.
ScheduleCheck parse_for_check(const std::string& path) {
  ScheduleCheck check;
  if (auto parsed = parse_csv(read_file(path), path, check.faults)) {
    check.notes = std::move(parsed->notes);
    check.schedule = std::move(parsed->schedule);
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
  if (has_sends_or_receives(schedule)) config.simulation.communication = Communication::Program;
  CostsInput costs;
  costs.forward = {Time(1)};
  costs.input_grad = costs.weight_grad = {Time(1)};
  if (schedule.recompute_ahead) costs.recompute = {Time(1)};
  costs.transfer = {Bytes(0)};
  costs.activation = {Bytes(1)};
  costs.link = Link{kAnyRate, Time(0)};
  config.input = costs;
  return config;
}

void check_parsed(ScheduleCheck& check, const Config& config) {
  for (Fault& fault : check_programs(check.schedule)) check.faults.push_back(std::move(fault));
  if (!check.faults.empty()) return;
  check_run(check, config, located(config, [&] { return workload_for(config, check.schedule); }));
}

ScheduleCheck check_file_of(const Config& config) {
  ScheduleCheck check = parse_for_check(*config.schedule.file);
  if (!check.faults.empty()) return check;
  try {
    fit_to_config(config, check.schedule);
  } catch (const Error& misfit) {
    check.faults.push_back(misfit.fault());
  }
  check_parsed(check, config);
  return check;
}

}  // namespace

ScheduleCheck check_schedule(const Config& config) {
  if (config.schedule.file) return check_file_of(config);
  Plan plan = make_plan(config);
  ScheduleCheck check;
  check.schedule = std::move(plan.schedule);
  check.faults = check_order(check.schedule);
  if (check.faults.empty()) check_run(check, config, std::move(plan.workload));
  return check;
}

ScheduleCheck check_schedule_file(const std::string& path) {
  ScheduleCheck check = parse_for_check(path);
  if (!check.faults.empty()) return check;
  if (check.schedule.forward_only && check.schedule.requests == 0)
    check.schedule.requests = check.schedule.micro_batches;
  check_parsed(check, unit_cost_config(path, check.schedule));
  return check;
}

}  // namespace ppsim
