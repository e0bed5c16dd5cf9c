#include "ppsim/explore/replayed.hpp"

#include <fmt/format.h>

#include <utility>

#include "plan.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

// Who shares a link is known only where all transfers are.
void check_contention(const Config& config, ReplayMode mode) {
  if (mode != ReplayMode::Virtual || config.simulation.contention == Contention::None) return;
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
  GpuReplayOptions options{.compute = compute, .stages = plan.plan.workload.stages};
  for (std::uint32_t rank = 0; rank < schedule.ranks(); ++rank)
    options.stages_of.push_back(schedule.placement.stages_of(Rank{rank}));
  if (config.simulation.communication == Communication::Program &&
      config.simulation.streams.per == CommStreams::Rank)
    options.communicators = Communicators::World;
  const auto* input = std::get_if<ModelInput>(&config.input);
  if (input != nullptr) add_model(options, config, *input, shape_of(schedule));
  if (compute == GpuCompute::Gemm && options.work.empty())
    throw Error(locate(config, input == nullptr ? "/costs" : "/model"),
                "says nothing of matrix products (--compute gemm); expected a transformer in training");
  return options;
}

void add_gpu_memory(MeasuredRun& measured, const std::vector<GpuMemory>& memory) {
  Report& report = measured.run.report;
  for (std::size_t rank = 0; rank < memory.size(); ++rank) {
    RankReport& one = report.per_rank[rank];
    one.measured_memory = memory[rank].allocated();
    report.assumptions.push_back(fmt::format(
        "rank {}'s GPU had {} bytes allocated at its peak, of the model's {}; beside them CUDA took {}, and "
        "buffers of messages {}",
        rank, memory[rank].allocated().count(),
        (one.static_bytes() + one.peak_activation + one.working).count(), memory[rank].context.count(),
        memory[rank].messages.count()));
  }
}

}  // namespace ppsim
