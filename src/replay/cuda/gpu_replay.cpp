#include "ppsim/replay/gpu_replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <type_traits>

#include "../fingerprint.hpp"
#include "../gather_steps.hpp"
#include "../requirements.hpp"
#include "../step_clocks.hpp"
#include "cuda_check.hpp"
#include "gpu_communicators.hpp"
#include "gpu_device.hpp"
#include "gpu_layout.hpp"
#include "gpu_memory.hpp"
#include "gpu_ops.hpp"
#include "gpu_step.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

std::string size_fault(const OpGraph& graph, const Transport& transport, const GpuLayout& layout) {
  const std::uint32_t expected = graph.rank_count() * layout.per_rank();
  if (transport.size() == expected) return {};
  return fmt::format("{} {} in this job, and the config has {} GPUs: expected a process for each",
                     transport.size(), transport.size() == 1 ? "process is" : "processes are", expected);
}

// What is wrong with the plan is the same on all processes.
std::string plan_fault(const OpGraph& graph, const LaunchPlan& plan) {
  const std::vector<std::string> circle = find_launch_fault(graph, plan, LaunchOrder::Free);
  if (circle.empty()) return {};
  if (circle.size() == 1) return circle.front();
  return DeadlockError("what would be enqueued", circle).what();
}

void check_gpu_requirements(const OpGraph& graph, Group& group, const GpuReplayOptions& options,
                            const LaunchPlan& plan) {
  agree(group, size_fault(graph, group.transport(), options.layout));
  agree_on(group, fingerprint(graph, {static_cast<std::uint64_t>(options.compute),
                                      static_cast<std::uint64_t>(options.communicators),
                                      options.layout.tensor, options.layout.replicas,
                                      options.layout.zero_stage, options.steps, options.warmup}));
  agree(group, plan_fault(graph, plan));
}

static_assert(std::is_trivially_copyable_v<GpuMemory>, "it travels as it is");

// Where one has none, all hear of it.
std::string take_gpu_together(Group& group, std::uint32_t local_rank) {
  std::string device, fault;
  bool none = false;
  try {
    device = take_gpu(local_rank);
  } catch (const NoGpu& error) {
    none = true;
    fault = error.what();
  } catch (const ReplayError& error) {
    fault = error.what();
  }
  const std::string first = group.first_fault(fault);
  if (first.empty()) return device;
  if (none) throw NoGpu(first);
  throw JointError(first);
}

class GpuReplay {
 public:
  GpuReplay(const OpGraph& graph, Group& group, const GpuReplayOptions& options, LaunchPlan plan,
            std::string device)
      : graph_(graph),
        group_(group),
        options_(options),
        plan_(std::move(plan)),
        device_(std::move(device)),
        place_(index(group.transport().rank()), options.layout),
        program_(make_rank_program(graph, place_.rank)),
        patience_(patience_for(graph, ReplayMode::Compute, group.patience())),
        step_group_(group.transport(), patience_),
        clocks_(group) {}

  GpuReplayResult run() {
    check_cuda(cudaFree(nullptr), "cudaFree");  // makes the context
    memory_.context = context_memory();
    const GpuWorld world = make_world(plan_, options_.layout);
    const bool in_order = find_launch_fault(graph_, plan_, LaunchOrder::Kept).empty();
    communicators_ = std::make_unique<GpuCommunicators>(group_, world.members, world.wires, in_order);
    use_own_communicators();
    try {
      return run_steps();
    } catch (...) {
      // What still waits on the GPU would hold up whoever frees its memory.
      if (step_) step_->open_latch();
      communicators_->abort();
      throw;
    }
  }

 private:
  // From those of the plan to this pipeline's.
  void use_own_communicators() {
    const std::uint32_t first = first_communicator(place_, plan_, options_.layout);
    for (Launch& launch : plan_.ranks[index(place_.rank)].list) launch.communicator += first;
  }

  GpuReplayResult run_steps() {
    memory_.fixed = fixed_memory(options_.stages, options_.stages_of[index(place_.rank)]);
    const DeviceMemory fixed = allocate(memory_.fixed);
    GpuOps ops(program_, options_, *communicators_, group_numbers(place_, plan_, options_.layout),
               fixed.get());
    step_ = std::make_unique<GpuStep>(program_, plan_, *communicators_, ops,
                                      pipeline_of(place_, options_.layout, graph_.rank_count()));
    memory_.messages = step_->message_memory();
    clocks_.begin();
    std::vector<StepTimes> steps;
    for (std::uint32_t i = 0; i < options_.warmup + options_.steps; ++i) {
      options_.on_step(i);
      StepTimes times = run_step();
      if (i >= options_.warmup && place_.is_first()) steps.push_back(std::move(times));
    }
    step_group_.barrier();
    clocks_.end();
    GpuReplayResult result{{gather_steps(graph_, group_, steps, clocks_.all()), notes()}, gather_memory()};
    step_.reset();
    return result;
  }

  StepTimes run_step() {
    Activations activations(options_.stages, step_->compute_stream());
    step_->prepare(activations);
    const Time start = clocks_.agree_on_start(step_group_);
    StepTimes times = step_->run(start, patience_, activations);
    memory_.activations = std::max(memory_.activations, activations.peak());
    return times;
  }

  std::vector<GpuMemory> gather_memory() {
    const std::vector<Blob> all = group_.gather(std::as_bytes(std::span(&memory_, 1)));
    std::vector<GpuMemory> memory;
    for (std::size_t i = 0; i < all.size(); i += options_.layout.per_rank())
      std::memcpy(&memory.emplace_back(), all[i].data(), sizeof(GpuMemory));
    return memory;
  }

  [[nodiscard]] std::vector<std::string> notes() const {
    if (!group_.is_first()) return {};
    const bool spins = options_.compute == GpuCompute::Spin;
    std::vector<std::string> notes = {
        fmt::format(
            "measured on {} x {}: {} steps behind {} to warm up; an op is {}, a transfer a message of "
            "its size by NCCL",
            group_.transport().size(), device_, options_.steps, options_.warmup,
            spins ? "a kernel of its duration" : "its stage's products, moved bytes and all-reduces"),
        fmt::format("enqueued before the step began: {} of {} launches of rank 0", step_->latched(),
                    step_->launches()),
        clocks_.note()};
    if (options_.layout.per_rank() > 1)
      notes.push_back(
          fmt::format("times are those of the first of each rank's {} GPUs", options_.layout.per_rank()));
    return notes;
  }

  const OpGraph& graph_;
  Group& group_;
  const GpuReplayOptions& options_;
  LaunchPlan plan_;
  std::string device_;
  GpuPlace place_;
  RankProgram program_;
  Time patience_;
  Group step_group_;  // waits for whole steps
  StepClocks clocks_;
  GpuMemory memory_;
  std::unique_ptr<GpuCommunicators> communicators_;
  std::unique_ptr<GpuStep> step_;
};

}  // namespace

bool has_cuda() {
  return true;
}

GpuReplayResult replay_on_gpus(const OpGraph& graph, Group& group, const GpuReplayOptions& options) {
  LaunchPlan plan = make_launch_plan(graph, options.communicators);
  check_gpu_requirements(graph, group, options, plan);
  std::string device = take_gpu_together(group, options.local_rank);
  return GpuReplay(graph, group, options, std::move(plan), std::move(device)).run();
}

}  // namespace ppsim
