#include "explore/bench/replayed.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "explore/run/plan.hpp"
#include "ppsim/core/error.hpp"
#include "text/quantity.hpp"

namespace ppsim {
namespace {

// Who shares a link is known only where all transfers are.
void check_contention(const Config& config, ReplayMode mode) {
  if (mode != ReplayMode::Virtual || config.simulation.contention == Contention("none")) return;
  throw Error(locate(config, "/simulation/contention"),
              "virtual clocks know nothing of links that transfers share: expected none (--contention none)");
}

// The tensor group's reductions are real in any case.
void add_model(GpuReplayOptions& options, const Config& config, const ModelInput& input,
               const RunShape& shape) {
  const Parallelism& parallelism = config.parallelism;
  options.layout = {parallelism.tensor, parallelism.replicas(), parallelism.zero_stage};
  if (const auto* model = std::get_if<Transformer>(&input.model)) options.dtype = model->product_dtype();
  options.work = make_stage_work(input, parallelism, shape);
}

Bytes allocated_by_model(const RankReport& rank) {
  return rank.static_bytes() + rank.peak_activation + rank.kv_cache + rank.working;
}

std::int64_t memory_error(const Report& report, const std::vector<GpuMemory>& memory, std::size_t rank) {
  return std::abs((memory[rank].allocated() - allocated_by_model(report.per_rank[rank])).count());
}

}  // namespace

ReplayPlan make_replay_plan(const Config& config, ReplayMode mode) {
  check_contention(config, mode);
  Plan plan = make_plan(config);
  OpGraph graph = make_graph(config, plan);
  if (const auto cycle = find_cycle(graph); !cycle.empty())
    throw deadlock_in(config, make_deadlock_error(graph, cycle));
  return {std::move(plan), std::move(graph)};
}

GpuReplayOptions make_gpu_options(const Config& config, const ReplayPlan& plan, GpuCompute compute) {
  const Schedule& schedule = plan.plan.schedule;
  GpuReplayOptions options{.compute = compute,
                           .stages = plan.plan.workload.stages,
                           .forward_only = schedule.forward_only,
                           .requests = schedule.requests};
  for (std::uint32_t rank = 0; rank < schedule.ranks(); ++rank)
    options.stages_of.push_back(schedule.placement.stages_of(Rank{rank}));
  if (config.simulation.communication == Communication::Program &&
      config.simulation.streams.per == CommStreams::Rank)
    options.communicators = Communicators::World;
  const auto* input = std::get_if<ModelInput>(&config.input);
  if (input != nullptr) add_model(options, config, *input, shape_of(schedule));
  if (compute == GpuCompute::Gemm && options.work.empty())
    throw Error(
        locate(config, input == nullptr ? "/costs" : "/model"),
        fmt::format("--compute gemm has no matrix products of {}; expected a transformer in training, and "
                    "micro-batches in one piece",
                    input == nullptr ? "costs given outright" : "this model with this schedule"));
  return options;
}

void add_gpu_memory(MeasuredRun& measured, const std::vector<GpuMemory>& memory) {
  if (memory.empty()) return;
  Report& report = measured.run.report;
  std::size_t furthest = 0;
  for (std::size_t rank = 0; rank < memory.size(); ++rank) {
    report.per_rank[rank].measured_memory = memory[rank].allocated();
    if (memory_error(report, memory, rank) > memory_error(report, memory, furthest)) furthest = rank;
  }
  const GpuMemory& gpu = memory[furthest];
  report.assumptions.push_back(
      fmt::format("GPU memory: rank {}, the furthest from the model, had {} allocated at its peak ({} B; by "
                  "the model {} B); "
                  "CUDA itself took {} more, buffers of messages {}",
                  furthest, format_bytes(gpu.allocated()), gpu.allocated().count(),
                  allocated_by_model(report.per_rank[furthest]).count(), format_bytes(gpu.context),
                  format_bytes(gpu.messages)));
}

}  // namespace ppsim
