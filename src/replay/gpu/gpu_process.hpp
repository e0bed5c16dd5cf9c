/// The seam between a replay on GPUs and CUDA: one process with its GPU. No type of CUDA here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ppsim/core/units.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "replay/gpu/gpu_replay.hpp"
#include "replay/gpu/launches.hpp"
#include "replay/group.hpp"
#include "replay/step_times.hpp"

namespace ppsim {

/// Takes GPU `local_rank` of this machine for this process, or the only one that CUDA_VISIBLE_DEVICES shows
/// it, and returns its name. Throws NoGpu where the machine has none, and ReplayError where it has too few.
[[nodiscard]] std::string take_gpu(std::uint32_t local_rank);

/// One process' place.
struct ProcessPlace {
  ProcessPlace(std::uint32_t process, const GpuLayout& layout);

  Rank rank{};
  std::uint32_t replica = 0;
  std::uint32_t tensor = 0;

  [[nodiscard]] bool is_first() const { return replica == 0 && tensor == 0; }  ///< of its rank
};

/// After a failure it must not be destroyed: CUDA frees memory, and NCCL aborts a communicator, when the GPU
/// has done what was enqueued, and that waits for other processes for ever. It goes with its operating
/// system's process, which should end soon (Job::abort()).
class GpuProcess {
 public:
  virtual ~GpuProcess() = default;

  /// Enqueues a step behind a latch, so that no op waits for the host: all of it, or as much as the GPU's
  /// queues take.
  virtual void prepare() = 0;

  /// Opens the latch at `start` (of this machine's clock), enqueues what is left, and returns the step's
  /// times on that clock. Throws ReplayError, which names the rank and what it waits for, where nothing ends
  /// for `patience`, or another rank fails; and GpuFailure.
  virtual StepTimes run(Time start, Time patience) = 0;

  [[nodiscard]] virtual std::uint32_t launches() const = 0;  ///< of a step
  [[nodiscard]] virtual std::uint32_t latched() const = 0;  ///< of these, enqueued before the last step began
  [[nodiscard]] virtual GpuMemory memory() const = 0;       ///< at the most so far
};

/// All processes call it, behind take_gpu(): makes communicators and buffers, and runs everything once.
/// Requires find_launch_fault(graph, plan) to be empty. Keeps references. What a failure leaves half made is
/// not destroyed.
[[nodiscard]] std::unique_ptr<GpuProcess> make_gpu_process(const OpGraph& graph, Group& group,
                                                           const GpuReplayOptions& options,
                                                           const LaunchPlan& plan);

}  // namespace ppsim
