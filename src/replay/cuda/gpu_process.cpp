#include "ppsim/replay/gpu_process.hpp"

#include <algorithm>
#include <exception>

#include "cuda_check.hpp"
#include "gpu_communicators.hpp"
#include "gpu_handles.hpp"
#include "gpu_layout.hpp"
#include "gpu_memory.hpp"
#include "gpu_ops.hpp"
#include "gpu_step.hpp"

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
      : options_(options),
        place_(static_cast<std::uint32_t>(index(group.transport().rank())), options.layout),
        program_(make_rank_program(graph, place_.rank)),
        plan_(own_plan(plan)),
        memory_{.context = measure_context(),
                .fixed = fixed_memory(options.stages, options.stages_of[index(place_.rank)])},
        world_(make_world(plan, options.layout)),
        communicators_(group, world_.members, world_.wires,
                       find_launch_fault(graph, plan, LaunchOrder::Kept).empty()),
        fixed_(allocate(memory_.fixed)),
        ops_(program_, options, communicators_, group_numbers(place_, plan, options.layout), fixed_.get()),
        step_(program_, plan_, communicators_, ops_,
              pipeline_of(place_, options.layout, graph.rank_count())) {
    memory_.messages = step_.message_memory();
  }
  CudaProcess(const CudaProcess&) = delete;
  CudaProcess& operator=(const CudaProcess&) = delete;

  // What still waits on the GPU after a failure would hold up whoever frees its memory.
  ~CudaProcess() override {
    step_.open_latch();
    communicators_.abort();
  }

  void prepare() override {
    activations_.reset();
    activations_ = std::make_unique<Activations>(options_.stages, step_.compute_stream());
    step_.prepare(*activations_);
  }

  StepTimes run(Time start, Time patience) override {
    StepTimes times = step_.run(start, patience, *activations_);
    memory_.activations = std::max(memory_.activations, activations_->peak());
    return times;
  }

  [[nodiscard]] std::uint32_t launches() const override { return step_.launches(); }
  [[nodiscard]] std::uint32_t latched() const override { return step_.latched(); }
  [[nodiscard]] GpuMemory memory() const override { return memory_; }

 private:
  // With the numbers of this pipeline's communicators among all.
  [[nodiscard]] LaunchPlan own_plan(LaunchPlan plan) const {
    const std::uint32_t first = first_communicator(place_, plan, options_.layout);
    for (Launch& launch : plan.ranks[index(place_.rank)].list) launch.communicator += first;
    return plan;
  }

  const GpuReplayOptions& options_;
  ProcessPlace place_;
  RankProgram program_;
  LaunchPlan plan_;
  GpuMemory memory_;
  GpuWorld world_;
  GpuCommunicators communicators_;
  DeviceMemory fixed_;
  GpuOps ops_;
  GpuStep step_;
  std::unique_ptr<Activations> activations_;
};

}  // namespace

bool has_cuda() {
  return true;
}

std::unique_ptr<GpuProcess> make_gpu_process(const OpGraph& graph, Group& group,
                                             const GpuReplayOptions& options, const LaunchPlan& plan) {
  return std::make_unique<CudaProcess>(graph, group, options, plan);
}

}  // namespace ppsim
