// Failures of CUDA as ours.
#pragma once

#include <cuda_runtime_api.h>

#include <string>
#include <string_view>

#include "replay/cuda/source_place.hpp"

namespace ppsim {

/// Throws GpuFailure "cudaMalloc: out of memory (cudaErrorMemoryAllocation, at gpu_memory.cpp:31)" unless
/// `result` is success. The replay puts the rank before it.
void check_cuda(cudaError_t result, std::string_view call, SourcePlace place = SourcePlace::current());

/// The same of a kernel just launched.
void check_launch(std::string_view kernel, SourcePlace place = SourcePlace::current());

/// "gpu_memory.cpp:31"
[[nodiscard]] std::string place_name(SourcePlace place);

}  // namespace ppsim
