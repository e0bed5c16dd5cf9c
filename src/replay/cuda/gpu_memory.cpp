#include "replay/cuda/gpu_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "replay/cuda/cuda_check.hpp"

namespace ppsim {

Activations::Activations(const GpuReplayOptions& options, cudaStream_t stream)
    : options_(options), stream_(stream) {
  int device = 0;
  check_cuda(cudaGetDevice(&device), "cudaGetDevice");
  check_cuda(cudaDeviceGetDefaultMemPool(&pool_, device), "cudaDeviceGetDefaultMemPool");
  // What is given back stays in the pool: else the next step would fetch it from the driver again.
  std::uint64_t threshold = std::numeric_limits<std::uint64_t>::max(), peak = 0;
  check_cuda(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &threshold),
             "cudaMemPoolSetAttribute");
  check_cuda(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrUsedMemHigh, &peak), "cudaMemPoolSetAttribute");
}

Activations::~Activations() {
  for (auto& [key, blocks] : blocks_) {
    for (void* block : {blocks.early, blocks.late, blocks.recomputed}) {
      if (block != nullptr) cudaFreeAsync(block, stream_);
    }
  }
}

void* Activations::take(Bytes bytes) {
  void* block = nullptr;
  if (bytes > Bytes(0)) {
    check_cuda(cudaMallocAsync(&block, static_cast<std::size_t>(bytes.count()), stream_),
               fmt::format("cudaMallocAsync of {} bytes", bytes.count()));
  }
  return block;
}

void Activations::give_back(void*& block) {
  if (block != nullptr) check_cuda(cudaFreeAsync(block, stream_), "cudaFreeAsync");
  block = nullptr;
}

void Activations::take(Op op) {
  const StageCosts& costs = options_.stages[index(op.stage)];
  Blocks& blocks = blocks_[{index(op.stage), index(op.micro_batch)}];
  if (options_.forward_only) {
    const bool is_token_step = options_.requests > 0 && index(op.micro_batch) >= options_.requests;
    blocks.late = take(is_token_step ? costs.kv_cache_step : costs.kv_cache_prefill);
    return;
  }
  const Bytes early = costs.activation_freed_at_input_grad;
  if (blocks.early == nullptr) blocks.early = take(early);
  if (blocks.late == nullptr) blocks.late = take(costs.activation - early);
}

void Activations::start(Op op) {
  const KeptParts& parts = traits_of(op.kind).allocates;
  if (parts.for_weight_grad) take(op);
  if (parts.recomputed)
    blocks_[{index(op.stage), index(op.micro_batch)}].recomputed =
        take(options_.stages[index(op.stage)].recomputed);
}

void Activations::end(Op op) {
  const auto found = blocks_.find({index(op.stage), index(op.micro_batch)});
  if (found == blocks_.end()) return;
  const KeptParts& parts = traits_of(op.kind).frees;
  if (parts.for_input_grad) give_back(found->second.early);
  if (!parts.for_weight_grad) return;
  give_back(found->second.late);
  give_back(found->second.recomputed);
  blocks_.erase(found);
}

void Activations::copy(Op op) {
  if (op.kind == OpKind::Load) return take(op);
  Blocks& blocks = blocks_[{index(op.stage), index(op.micro_batch)}];
  give_back(blocks.early);
  give_back(blocks.late);
}

Bytes Activations::peak() const {
  std::uint64_t peak = 0;
  check_cuda(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrUsedMemHigh, &peak), "cudaMemPoolGetAttribute");
  return Bytes(static_cast<std::int64_t>(peak));
}

Bytes context_memory() {
  std::size_t free = 0, total = 0;
  check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return Bytes(static_cast<std::int64_t>(total - free));
}

Bytes fixed_memory(std::span<const StageCosts> stages, std::span<const Stage> held) {
  Bytes sum, working;
  for (const Stage stage : held) {
    sum += stages[index(stage)].static_bytes();
    working = std::max(working, stages[index(stage)].working);
  }
  return sum + working;
}

}  // namespace ppsim
