#include "ppsim/metrics/report.hpp"

#include <algorithm>

#include "graph/op_costs.hpp"

namespace ppsim {
namespace {

Time tensor_comm(const Schedule& schedule, const Workload& workload, Rank rank) {
  const RankSpeed speed = workload.rank_speeds.empty() ? RankSpeed{} : workload.rank_speeds[index(rank)];
  Time sum{};
  for (const Op op : schedule.program(rank)) sum += tensor_comm(schedule, workload, op, speed);
  return sum;
}

Time other_comm(const Schedule& schedule, const Workload& workload, Rank rank) {
  Time sum{};
  for (const Op op : schedule.program(rank)) sum += other_comm(schedule, workload, op);
  return sum;
}

RankReport make_rank_report(const Schedule& schedule, const Workload& workload, Rank rank,
                            const RankBubbles& bubbles, const RankMemory& memory) {
  RankReport report;
  report.bubbles = bubbles;
  report.tensor_comm = tensor_comm(schedule, workload, rank);
  report.other_comm = other_comm(schedule, workload, rank);
  report.peak_activation = memory.peak_activation;
  report.peak_activation_count = memory.peak_count;
  report.peak_activation_at = memory.peak_at;
  report.kv_cache = memory.kv_cache;
  report.working = memory.working;
  report.peak_memory = memory.peak_total;
  report.stages = schedule.placement.stages_of(rank);
  for (const Stage stage : report.stages) {
    const StageCosts& costs = workload.stages[index(stage)];
    report.weights += costs.weights;
    report.gradients += costs.gradients;
    report.optimizer += costs.optimizer;
    report.buffers += costs.buffers;
    report.layers.push_back(costs.layers);
  }
  return report;
}

double share(Time part, Time whole) {
  return whole == Time{} ? 0.0 : static_cast<double>(part.count()) / static_cast<double>(whole.count());
}

void add_rates(Report& report, const Workload& workload) {
  const double seconds = Seconds(report.makespan).count();
  if (seconds == 0) return;
  if (workload.tokens_per_step) {
    report.tokens_per_second = static_cast<double>(*workload.tokens_per_step) / seconds;
  }
  if (workload.model_flops_per_step && workload.peak_flops) {
    report.mfu = workload.model_flops_per_step->count() / (seconds * workload.peak_flops->count());
  }
}

}  // namespace

Time step_time(Time makespan, std::uint32_t steps) {
  return (2 * makespan + Time(steps)) / (2 * static_cast<std::int64_t>(steps));
}

Time Report::step_time() const {
  return ppsim::step_time(makespan, steps);
}

Bytes Report::peak_memory() const {
  Bytes peak;
  for (const RankReport& rank : per_rank) peak = std::max(peak, rank.peak_memory);
  return peak;
}

bool Report::fits() const {
  return !gpu_memory || peak_memory() <= *gpu_memory;
}

Report make_report(const Schedule& schedule, const Workload& workload, const OpGraph& graph,
                   const Bubbles& bubbles, const std::vector<RankMemory>& memory) {
  Report report;
  report.schedule = schedule.name;
  report.ranks = graph.rank_count();
  report.stages = schedule.stages();
  report.forward_only = schedule.forward_only;
  report.slices = schedule.slices;
  report.steps = schedule.steps;
  report.micro_batches =
      schedule.requests > 0 ? schedule.requests : schedule.micro_batches / schedule.slices / schedule.steps;
  report.decode_steps = schedule.requests > 0 ? schedule.micro_batches / schedule.requests - 1 : 0;
  report.makespan = bubbles.makespan;
  report.max_rank_span = bubbles.max_rank_span;
  report.bubble_fraction = bubbles.bubble_fraction();
  report.bubble_ratio = bubbles.bubble_ratio();
  report.span_bubble_fraction = bubbles.span_bubble_fraction();
  report.gpu_memory = workload.gpu_memory;
  report.gpus = workload.gpus;
  report.assumptions = workload.assumptions;
  Time comm{};
  Time other{};
  for (std::size_t rank = 0; rank < report.ranks; ++rank) {
    const auto id = static_cast<Rank>(rank);
    report.per_rank.push_back(make_rank_report(schedule, workload, id, bubbles.ranks[rank], memory[rank]));
    comm += report.per_rank.back().tensor_comm;
    other += report.per_rank.back().other_comm;
  }
  report.tensor_comm_fraction = share(comm, bubbles.busy);
  report.other_comm_fraction = share(other, bubbles.busy);
  add_rates(report, workload);
  return report;
}

}  // namespace ppsim
