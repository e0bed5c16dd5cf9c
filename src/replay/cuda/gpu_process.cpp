#include "replay/gpu/gpu_process.hpp"

#include <algorithm>
#include <memory>

#include "replay/cuda/cuda_check.hpp"
#include "replay/cuda/gpu_communicators.hpp"
#include "replay/cuda/gpu_handles.hpp"
#include "replay/cuda/gpu_layout.hpp"
#include "replay/cuda/gpu_memory.hpp"
#include "replay/cuda/gpu_ops.hpp"
#include "replay/cuda/gpu_step.hpp"

namespace ppsim {
namespace {

// Makes CUDA's context, if there is none.
Bytes measure_context() {
  check_cuda(cudaFree(nullptr), "cudaFree");
  return context_memory();
}

class CudaProcess final : public GpuProcess {
 public:
  CudaProcess(const OpGraph& graph, Group& group, const GpuReplayOptions& options, const LaunchPlan& plan)
      : graph_(graph),
        options_(options),
        place_(static_cast<std::uint32_t>(index(group.transport().rank())), options.layout),
        program_(make_rank_program(graph, place_.rank)),
        plan_(plan),
        communicators_(group) {}

  // Apart from the constructor, so that a failure destroys nothing.
  void set_up() {
    const GpuLayout& layout = options_.layout;
    memory_.context = measure_context();
    memory_.fixed = fixed_memory(options_.stages, options_.stages_of[index(place_.rank)]);
    const GpuWorld world = make_world(plan_, layout);
    communicators_.make(world.members, find_launch_fault(graph_, plan_, LaunchOrder::Kept).empty());
    communicators_.connect(world.wires);
    fixed_ = allocate(memory_.fixed);
    ops_ = std::make_unique<GpuOps>(program_, options_, communicators_, group_numbers(place_, plan_, layout),
                                    fixed_.get());
    ops_->warm_up();
    use_own_communicators();
    step_ = std::make_unique<GpuStep>(program_, plan_, communicators_, *ops_,
                                      pipeline_of(place_, layout, graph_.rank_count()));
    memory_.messages = step_->message_memory();
  }

  void prepare() override {
    activations_.reset();
    activations_ = std::make_unique<Activations>(options_, step_->compute_stream());
    step_->prepare(*activations_);
  }

  StepTimes run(Time start, Time patience) override {
    StepTimes times = step_->run(start, patience, *activations_);
    memory_.activations = std::max(memory_.activations, activations_->peak());
    return times;
  }

  [[nodiscard]] std::uint32_t launches() const override { return step_->launches(); }
  [[nodiscard]] std::uint32_t latched() const override { return step_->latched(); }
  [[nodiscard]] GpuMemory memory() const override { return memory_; }

 private:
  // With their numbers among those of all pipelines.
  void use_own_communicators() {
    const std::uint32_t first = first_communicator(place_, plan_, options_.layout);
    for (Launch& launch : plan_.ranks[index(place_.rank)].list) launch.communicator += first;
  }

  const OpGraph& graph_;
  const GpuReplayOptions& options_;
  ProcessPlace place_;
  RankProgram program_;
  LaunchPlan plan_;
  GpuMemory memory_;
  GpuCommunicators communicators_;
  DeviceMemory fixed_;
  std::unique_ptr<GpuOps> ops_;
  std::unique_ptr<GpuStep> step_;
  std::unique_ptr<Activations> activations_;
};

}  // namespace

bool has_cuda() {
  return true;
}

std::unique_ptr<GpuProcess> make_gpu_process(const OpGraph& graph, Group& group,
                                             const GpuReplayOptions& options, const LaunchPlan& plan) {
  auto process = std::make_unique<CudaProcess>(graph, group, options, plan);
  try {
    process->set_up();
  } catch (...) {
    (void)process.release();  // see GpuProcess
    throw;
  }
  return process;
}

}  // namespace ppsim
