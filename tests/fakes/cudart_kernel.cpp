// The fake CUDA runtime: kernels are known by name, and what nvcc-made host code registers and launches.
#include <time.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "cudart.hpp"
#include "environment.hpp"

namespace fakes {
namespace {

using namespace std::chrono_literals;

/// Device names, mangled, by the host function that stands for the kernel.
struct Registry {
  std::mutex mutex;
  std::map<const void*, std::string> names;
};

Registry& registry() {
  static Registry& all = *new Registry;
  return all;
}

/// Empty where nvcc-made code registered no such kernel.
std::string device_name(const void* host_function) {
  const std::scoped_lock lock(registry().mutex);
  const auto found = registry().names.find(host_function);
  return found == registry().names.end() ? "" : found->second;
}

/// Waits until the host writes something else than 0. Longer and longer naps: many streams of many processes
/// may wait.
void wait_for_latch(const unsigned* flag) {
  for (auto nap = 20us; __atomic_load_n(flag, __ATOMIC_ACQUIRE) == 0; nap = std::min(nap * 2, 200us)) {
    std::this_thread::sleep_for(nap);
  }
}

template <class T>
T first_argument(void** arguments) {
  return *static_cast<T*>(arguments[0]);
}

/// What a kernel does, its arguments copied; null where the fakes don't know it.
Stream::Action action_of(const std::string& name, void** arguments) {
  const auto is = [&](const char* part) { return name.find(part) != std::string::npos; };
  if (is("latch_kernel"))
    return [flag = first_argument<const unsigned*>(arguments)] { wait_for_latch(flag); };
  if (is("spin_kernel")) {
    const std::chrono::nanoseconds length(first_argument<int64_t>(arguments));
    return [length] { std::this_thread::sleep_until(std::chrono::steady_clock::now() + length); };
  }
  if (is("move_kernel") || is("fill_kernel")) return [] {};
  return nullptr;
}

constexpr bool is_shape(dim3 grid, dim3 block) {
  const auto threads = uint64_t{block.x} * block.y * block.z;
  return grid.x > 0 && grid.y > 0 && grid.z > 0 && threads > 0 && threads <= 1024;
}

cudaError_t launch(const void* function, dim3 grid, dim3 block, void** arguments, cudaStream_t handle) {
  const StreamPtr stream = find_stream(handle);
  if (stream == nullptr || stream->device != current_device()) return cudaErrorInvalidResourceHandle;
  if (!is_shape(grid, block)) return cudaErrorInvalidConfiguration;
  const std::string name = device_name(function);
  Stream::Action action = action_of(name, arguments);
  if (action == nullptr) {
    complain("there is no kernel like '" + name + "'");
    return cudaErrorInvalidDeviceFunction;
  }
  enqueue(stream, std::move(action), Stream::Kind::Launch);
  return cudaSuccess;
}

/// What <<<...>>> leaves for the stub of the kernel, which runs next on the same thread.
struct Configuration {
  dim3 grid;
  dim3 block;
  size_t shared_bytes;
  cudaStream_t stream;
};

thread_local std::vector<Configuration> configurations;

}  // namespace
}  // namespace fakes

using namespace fakes;

extern "C" {

cudaError_t cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** arguments, size_t,
                             cudaStream_t stream) {
  return api("cudaLaunchKernel", [&] { return launch(function, grid, block, arguments, stream); });
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* how, const void* function, void** arguments) {
  return api("cudaLaunchKernel",
             [&] { return launch(function, how->gridDim, how->blockDim, arguments, how->stream); });
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  return api(__func__, [&] {
    if (device_name(function).empty()) return cudaErrorInvalidDeviceFunction;
    *attributes = cudaFuncAttributes{};
    attributes->maxThreadsPerBlock = 1024;
    attributes->numRegs = 32;
    attributes->binaryVersion = attributes->ptxVersion = 90;
    return cudaSuccess;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function, int threads,
                                                          size_t) {
  return api(__func__, [&] {
    if (device_name(function).empty()) return cudaErrorInvalidDeviceFunction;
    if (threads <= 0 || threads > 1024) return cudaErrorInvalidValue;
    *blocks =
        std::min(2048 / threads, 32);  // threads and blocks of a multiprocessor of compute capability 9.0
    return cudaSuccess;
  });
}

// What follows is called by code that nvcc makes (crt/host_runtime.h); older ones launch with
// cudaLaunchKernel.

void** __cudaRegisterFatBinary(void*) {
  static void* handle = nullptr;
  return &handle;
}

void __cudaRegisterFatBinaryEnd(void**) {}

void __cudaUnregisterFatBinary(void**) {}

char __cudaInitModule(void**) {
  return 1;
}

void __cudaRegisterFunction(void**, const char* host_function, char*, const char* name, int, uint3*, uint3*,
                            dim3*, dim3*, int*) {
  const std::scoped_lock lock(registry().mutex);
  registry().names[host_function] = name;
}

// Kernels don't run, so nothing reads a device variable.
void __cudaRegisterVar(void**, char*, char*, const char*, int, size_t, int, int) {}

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream) {
  configurations.push_back({grid, block, shared_bytes, stream});
  return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared_bytes, void* stream) {
  if (configurations.empty()) return remember(cudaErrorInvalidConfiguration);
  const Configuration top = configurations.back();
  configurations.pop_back();
  *grid = top.grid;
  *block = top.block;
  *shared_bytes = top.shared_bytes;
  *static_cast<cudaStream_t*>(stream) = top.stream;
  return cudaSuccess;
}

cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* host_function) {
  *kernel = reinterpret_cast<cudaKernel_t>(const_cast<void*>(host_function));
  return cudaSuccess;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments, size_t bytes,
                               cudaStream_t stream) {
  return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block, arguments, bytes, stream);
}
}
