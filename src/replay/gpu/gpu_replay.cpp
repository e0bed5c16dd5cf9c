#include "replay/gpu/gpu_replay.hpp"

#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <type_traits>

#include "ppsim/core/error.hpp"
#include "replay/fingerprint.hpp"
#include "replay/gather_steps.hpp"
#include "replay/gpu/gpu_process.hpp"
#include "replay/requirements.hpp"
#include "replay/step_clocks.hpp"

namespace ppsim {
namespace {

std::string size_fault(const OpGraph& graph, const Transport& transport, const GpuLayout& layout) {
  const std::uint32_t expected = graph.rank_count() * layout.per_rank();
  if (transport.size() == expected) return {};
  return fmt::format("{}, and the config has {} GPUs: expected a process for each", job_size(transport),
                     expected);
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
  GpuReplay(const OpGraph& graph, Group& group, const GpuReplayOptions& options, const LaunchPlan& plan,
            std::string device)
      : graph_(graph),
        group_(group),
        options_(options),
        device_(std::move(device)),
        place_(index(group.transport().rank()), options.layout),
        patience_(patience_for(graph, ReplayMode::Compute, group.patience())),
        step_group_(group.transport(), patience_),
        clocks_(group),
        process_(make_gpu_process(graph, group, options, plan)) {}

  GpuReplayResult run() {
    try {
      return run_steps();
    } catch (...) {
      (void)process_.release();  // see GpuProcess
      throw;
    }
  }

 private:
  GpuReplayResult run_steps() {
    clocks_.begin();
    std::vector<StepTimes> steps;
    for (std::uint32_t i = 0; i < options_.warmup + options_.steps; ++i) {
      options_.on_step(i);
      process_->prepare();
      StepTimes times = process_->run(clocks_.agree_on_start(step_group_), patience_);
      if (i >= options_.warmup && place_.is_first()) steps.push_back(std::move(times));
    }
    step_group_.barrier();
    clocks_.end();
    return {{gather_steps(graph_, group_, steps, clocks_.all()), notes()}, gather_memory()};
  }

  std::vector<GpuMemory> gather_memory() {
    const GpuMemory own = process_->memory();
    const std::vector<Blob> all = group_.gather(std::as_bytes(std::span(&own, 1)));
    std::vector<GpuMemory> memory;
    for (std::size_t i = 0; i < all.size(); i += options_.layout.per_rank())
      std::memcpy(&memory.emplace_back(), all[i].data(), sizeof(GpuMemory));
    return memory;
  }

  [[nodiscard]] std::vector<std::string> notes() const {
    if (!group_.is_first()) return {};
    std::vector<std::string> notes = {
        fmt::format(
            "measured on {} x {}: {} steps behind {} to warm up; an op is {}, a transfer a message of "
            "its size by NCCL",
            group_.transport().size(), device_, options_.steps, options_.warmup,
            options_.compute == GpuCompute::Spin ? "a kernel of its duration"
                                                 : "its stage's products, moved bytes and all-reduces"),
        fmt::format("enqueued before the step began: {} of {} launches of rank 0", process_->latched(),
                    process_->launches()),
        clocks_.note()};
    if (options_.layout.per_rank() > 1)
      notes.push_back(
          fmt::format("times are those of the first of each rank's {} GPUs", options_.layout.per_rank()));
    return notes;
  }

  const OpGraph& graph_;
  Group& group_;
  const GpuReplayOptions& options_;
  std::string device_;
  ProcessPlace place_;
  Time patience_;
  Group step_group_;  // waits for whole steps
  StepClocks clocks_;
  std::unique_ptr<GpuProcess> process_;
};

}  // namespace

ProcessPlace::ProcessPlace(std::uint32_t process, const GpuLayout& layout)
    : rank{process / layout.per_rank()},
      replica(process / layout.tensor % layout.replicas),
      tensor(process % layout.tensor) {}

GpuReplayResult replay_on_gpus(const OpGraph& graph, Group& group, const GpuReplayOptions& options) {
  const LaunchPlan plan = make_launch_plan(graph, options.communicators);
  check_gpu_requirements(graph, group, options, plan);
  std::string device = take_gpu_together(group, options.local_rank);
  return GpuReplay(graph, group, options, plan, std::move(device)).run();
}

}  // namespace ppsim
