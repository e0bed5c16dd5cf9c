// The memory pools of the fake CUDA runtime, which memory and pool functions share.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <mutex>

/// The default pool of a device. Figures change when the host calls, not when a stream gets there.
struct CUmemPoolHandle_st {
  /// Room for `bytes` more, of which some may be reserved already.
  size_t missing(size_t bytes) const;
  void take(size_t bytes);
  /// Gives back what is reserved and not used, down to `keep` bytes.
  void trim(size_t keep);

  size_t used = 0;
  size_t used_high = 0;
  size_t reserved = 0;
  size_t reserved_high = 0;
  size_t threshold = 0;  // reserved memory up to here is kept when the host waits for the device
};

namespace fakes {

/// Guards all figures of memory.
std::mutex& memory_mutex();
CUmemPoolHandle_st& pool_of(int device);

}  // namespace fakes
