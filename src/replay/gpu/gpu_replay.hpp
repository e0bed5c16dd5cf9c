/// Replay on GPUs: CUDA and NCCL, a process a GPU. No type of either here, so that every build has it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/costs/stage_work.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "replay/gpu/launches.hpp"
#include "replay/group.hpp"
#include "replay/replay.hpp"

namespace ppsim {

/// There is no GPU to replay on. The program ends with exit code 77, which tests read as skipped.
class NoGpu : public ReplayError {
 public:
  using ReplayError::ReplayError;
};

/// A call of CUDA, NCCL or cuBLASLt has failed: which one, why, and where in the source. Does not name the
/// rank.
class GpuFailure : public ReplayError {
 public:
  using ReplayError::ReplayError;
};

enum class GpuCompute : std::uint8_t {
  Spin,  ///< an op is a kernel of one thread that lasts as long as the graph says: the network has the GPU
  Gemm,  ///< an op is what its stage consists of: matrix products, moved bytes, all-reduces
};

/// Processes of the job: process (rank x replicas + replica) x tensor + t is GPU t of the tensor group that
/// plays `rank` in `replica`, as tensor_group() numbers GPUs.
struct GpuLayout {
  std::uint32_t tensor = 1;
  std::uint32_t replicas = 1;    ///< of the pipeline
  std::uint32_t zero_stage = 0;  ///< 1 and more: gradients are scattered, and parameters gathered

  [[nodiscard]] std::uint32_t per_rank() const { return tensor * replicas; }
};

struct GpuReplayOptions {
  std::uint32_t steps = 1;   ///< measured, at least one
  std::uint32_t warmup = 0;  ///< before them
  GpuCompute compute = GpuCompute::Spin;
  Communicators communicators = Communicators::Pair;
  GpuLayout layout;
  Dtype dtype = Dtype::Bf16;                  ///< of products and reductions of hidden states
  std::uint32_t local_rank = 0;               ///< of this process on its machine: which GPU it takes
  std::vector<StageCosts> stages;             ///< [S] memory, and what its collectives take
  std::vector<StageWork> work;                ///< [S] for Gemm, and the tensor group's all-reduces; or empty
  std::vector<std::vector<Stage>> stages_of;  ///< [P] whose weights a rank holds
  bool forward_only = false;                  ///< inference: an F keeps KV cache, and no activation
  std::uint32_t requests = 0;  ///< inference: micro-batches from here on are token steps; 0: none is
  std::function<void(std::uint32_t)> on_step = [](std::uint32_t) {};
};

/// What a GPU had in use at the most.
struct GpuMemory {
  Bytes context;      ///< CUDA's, before anything is allocated
  Bytes fixed;        ///< weights, gradients, optimizer state, buffers, and what a pass works with
  Bytes activations;  ///< at their peak, as the allocator counted; in inference the KV cache
  Bytes messages;     ///< buffers of sends and receives

  [[nodiscard]] Bytes allocated() const { return fixed + activations; }
};

/// On rank 0; empty on the others.
struct GpuReplayResult {
  ReplayResult replay;            ///< of the first GPU of each rank, on rank 0's clock
  std::vector<GpuMemory> memory;  ///< [P] of those
};

/// False in a build without CUDA.
[[nodiscard]] bool has_cuda();

/// All processes call it, each with the same graph and options but local_rank. Throws JointError where that
/// is not so, where the launches would wait for one another, or where options and graph do not fit; NoGpu;
/// and ReplayError, which names rank and op, or call and place in the source. Requires has_cuda().
[[nodiscard]] GpuReplayResult replay_on_gpus(const OpGraph& graph, Group& group,
                                             const GpuReplayOptions& options);

}  // namespace ppsim
