// One step of one process: all of it enqueued, then let go, then watched until it ends.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "replay/cuda/gpu_communicators.hpp"
#include "replay/cuda/gpu_handles.hpp"
#include "replay/cuda/gpu_memory.hpp"
#include "replay/cuda/gpu_ops.hpp"
#include "replay/gpu/launches.hpp"
#include "replay/step_times.hpp"

namespace ppsim {

/// Streams, events and buffers of a process, for all its steps.
class GpuStep {
 public:
  /// Keeps references. `peers`: [P] process that plays a rank in this process' pipeline.
  GpuStep(const RankProgram& program, const LaunchPlan& plan, GpuCommunicators& communicators, GpuOps& ops,
          std::vector<std::uint32_t> peers);

  [[nodiscard]] cudaStream_t compute_stream() const { return streams_.front().get(); }
  [[nodiscard]] Bytes message_memory() const;

  /// Enqueues the step behind a latch, so that no op waits for the host: all of it, or as much as the GPU's
  /// queues take.
  void prepare(Activations& activations);

  /// Opens the latch at `start` (of this machine's clock), enqueues what is left, and returns the step's
  /// times on that clock. Throws ReplayError, which names the rank and what it waits for, where nothing ends
  /// for `patience`, or another rank fails.
  StepTimes run(Time start, Time patience, Activations& activations);

  /// Launches of the last step that were made before it began.
  [[nodiscard]] std::uint32_t latched() const { return latched_; }
  [[nodiscard]] std::uint32_t launches() const { return static_cast<std::uint32_t>(launches_.list.size()); }

 private:
  void open_latch();
  void enqueue_group(Activations& activations);
  void enqueue_op(const Launch& launch, Activations& activations);
  void enqueue_messages(std::span<const Launch> group);
  void wait_for(std::uint32_t stream, std::span<const std::uint32_t> launches);
  void record(const Event& event, std::uint32_t stream);
  void copy_activations(std::uint32_t vertex, Activations& activations);
  void watch(Time patience);
  [[nodiscard]] bool has_ended(std::uint32_t launch) const;
  [[nodiscard]] std::string place() const;
  [[nodiscard]] StepTimes read_times() const;
  [[nodiscard]] Time time_of(const Event& event) const;

  const RankProgram& program_;
  const LaunchPlan& plan_;
  const RankLaunches& launches_;
  GpuCommunicators& communicators_;
  GpuOps& ops_;
  std::vector<std::uint32_t> peers_;
  std::vector<std::vector<Op>> copies_;  // [vertices] EVICT and LOAD that it waits for
  std::vector<Stream> streams_;
  std::vector<Event> starts_, ends_;  // [launches]
  Event base_;                        // when the latch has opened
  Flag latch_;
  Time opened_{};
  std::uint32_t next_ = 0;             // launch
  std::uint32_t ended_ = 0;            // launches before it have ended
  std::vector<std::uint32_t> queued_;  // [streams] since the latch
  std::uint32_t latched_ = 0;
  DeviceMemory outgoing_;
  std::vector<DeviceMemory> buffers_;
};

}  // namespace ppsim
