// Memory of the real size, so that a GPU's own counter says what a rank needs.
#pragma once

#include <cuda_runtime_api.h>

#include <map>
#include <span>
#include <utility>
#include <vector>

#include "ppsim/core/op.hpp"
#include "replay/cuda/gpu_handles.hpp"
#include "replay/gpu/gpu_replay.hpp"

namespace ppsim {

/// Activations come and go with ops, in the order of the compute stream: F takes a stage's, I gives back the
/// part that W does not need, W the rest, B all. R takes what it makes again, which goes with the rest. EVICT
/// gives back, LOAD takes again.
class Activations {
 public:
  /// Of the pool of the current GPU, whose peak it counts anew.
  Activations(const GpuReplayOptions& options, cudaStream_t stream);
  Activations(const Activations&) = delete;
  Activations& operator=(const Activations&) = delete;
  ~Activations();

  void start(Op op);
  void end(Op op);
  void copy(Op op);  ///< what it does to this rank, when that is done

  [[nodiscard]] Bytes peak() const;

 private:
  struct Blocks {
    void* early = nullptr;       // I gives it back
    void* late = nullptr;        // W
    void* recomputed = nullptr;  // as `late`
  };
  using Key = std::pair<std::uint32_t, std::uint32_t>;  // stage, micro-batch

  void take(Op op);
  void give_back(void*& block);
  [[nodiscard]] void* take(Bytes bytes);

  const GpuReplayOptions& options_;
  cudaStream_t stream_;
  cudaMemPool_t pool_ = nullptr;
  std::map<Key, Blocks> blocks_;
};

/// CUDA's own share of the GPU. Requires that nothing is allocated.
[[nodiscard]] Bytes context_memory();

/// Weights, gradients, optimizer state, buffers, and the most that a pass works with, of a rank's stages.
[[nodiscard]] Bytes fixed_memory(std::span<const StageCosts> stages, std::span<const Stage> held);

}  // namespace ppsim
