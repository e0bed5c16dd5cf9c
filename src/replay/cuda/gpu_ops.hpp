// What an op is on a GPU.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "replay/cuda/gemm.hpp"
#include "replay/cuda/gpu_communicators.hpp"
#include "replay/gpu/gpu_replay.hpp"
#include "replay/rank_program.hpp"

namespace ppsim {

/// Communicators of a process beside its pipeline's, or kNone.
struct GroupNumbers {
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  std::uint32_t tensor = kNone;    ///< of the tensor group
  std::uint32_t replicas = kNone;  ///< of the GPUs that hold the same weights
};

/// Enqueues the ops of a rank. All-reduces of its tensor group, and what its replicas exchange once a step,
/// are NCCL's; they are part of an op's duration in the graph, so Spin waits for so much less.
class GpuOps {
 public:
  /// Runs everything once, since what is new to a GPU may hold it up. `fixed`: memory of the rank's weights
  /// and gradients. Keeps references. All processes call it.
  GpuOps(const RankProgram& program, const GpuReplayOptions& options, GpuCommunicators& communicators,
         GroupNumbers groups, void* fixed);

  /// Runs everything once, since what is new to a GPU may hold it up. All processes call it.
  void warm_up();

  /// On `stream`, behind what is there. Returns how many launches that takes.
  std::uint32_t enqueue(std::uint32_t vertex, cudaStream_t stream);

 private:
  std::uint32_t compute(std::uint32_t vertex, cudaStream_t stream);
  std::uint32_t pass(const PassWork& work, cudaStream_t stream);
  std::uint32_t item(const Product& product, cudaStream_t stream);
  std::uint32_t item(const Traffic& traffic, cudaStream_t stream);
  std::uint32_t item(const TensorReduction& reduction, cudaStream_t stream);
  std::uint32_t reductions(const PassWork& work, cudaStream_t stream);
  std::uint32_t exchange(Op op, Time duration, cudaStream_t stream);
  [[nodiscard]] std::vector<const PassWork*> passes_of(Op op) const;
  [[nodiscard]] Time reduction_time(Op op) const;

  const RankProgram& program_;
  const GpuReplayOptions& options_;
  GpuCommunicators& communicators_;
  GroupNumbers groups_;
  void* fixed_;
  std::unique_ptr<Gemm> gemm_;
  Bytes moved_at_once_;
  DeviceMemory from_, to_, reduced_;
};

}  // namespace ppsim
