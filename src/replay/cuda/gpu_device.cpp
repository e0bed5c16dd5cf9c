#include <fmt/format.h>

#include <cstdlib>

#include "replay/cuda/cuda_check.hpp"
#include "replay/gpu/gpu_process.hpp"

namespace ppsim {
namespace {

// Streams of one hardware queue wait for each other. What the user sets stays.
void ask_for_queues() {
  constexpr int kKeep = 0;
  setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", kKeep);
}

// Some launchers show each process its own GPU alone.
bool sees_only_its_own(int count) {
  return count == 1 && std::getenv("CUDA_VISIBLE_DEVICES") != nullptr;
}

}  // namespace

std::string take_gpu(std::uint32_t local_rank) {
  ask_for_queues();
  int count = 0;
  const cudaError_t found = cudaGetDeviceCount(&count);
  if (found == cudaErrorNoDevice || found == cudaErrorInsufficientDriver ||
      (found == cudaSuccess && count == 0))
    throw NoGpu(fmt::format("no GPU to replay on: {}", cudaGetErrorString(found)));
  check_cuda(found, "cudaGetDeviceCount");
  if (sees_only_its_own(count)) local_rank = 0;
  if (local_rank >= static_cast<std::uint32_t>(count))
    throw ReplayError(fmt::format("process {} of this machine finds {} GPU{}: expected one for each",
                                  local_rank, count, count == 1 ? "" : "s"));
  check_cuda(cudaSetDevice(static_cast<int>(local_rank)), "cudaSetDevice");
  cudaDeviceProp properties{};
  check_cuda(cudaGetDeviceProperties(&properties, static_cast<int>(local_rank)), "cudaGetDeviceProperties");
  return properties.name;
}

}  // namespace ppsim
