// Failures of CUDA as ours.
#pragma once

#include <cuda_runtime_api.h>

#include <source_location>
#include <string>
#include <string_view>

namespace ppsim {

/// Throws GpuFailure "cudaMalloc: out of memory (cudaErrorMemoryAllocation, at gpu_memory.cpp:31)" unless
/// `result` is success. The replay puts the rank before it.
void check_cuda(cudaError_t result, std::string_view call,
                const std::source_location& place = std::source_location::current());

/// The same of a kernel just launched.
void check_launch(std::string_view kernel,
                  const std::source_location& place = std::source_location::current());

/// "gpu_memory.cpp:31"
[[nodiscard]] std::string place_name(const std::source_location& place);

}  // namespace ppsim
