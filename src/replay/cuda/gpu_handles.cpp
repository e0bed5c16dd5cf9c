#include "replay/cuda/gpu_handles.hpp"

#include <fmt/format.h>

#include "replay/cuda/cuda_check.hpp"

namespace ppsim {

Stream make_stream() {
  cudaStream_t stream = nullptr;
  check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  return Stream(stream);
}

bool is_empty(cudaStream_t stream) {
  const cudaError_t state = cudaStreamQuery(stream);
  if (state == cudaErrorNotReady) return false;
  check_cuda(state, "cudaStreamQuery");
  return true;
}

Event make_event() {
  cudaEvent_t event = nullptr;
  check_cuda(cudaEventCreateWithFlags(&event, cudaEventDefault), "cudaEventCreateWithFlags");
  return Event(event);
}

DeviceMemory allocate(Bytes bytes) {
  void* memory = nullptr;
  if (bytes > Bytes(0)) {
    check_cuda(cudaMalloc(&memory, static_cast<std::size_t>(bytes.count())),
               fmt::format("cudaMalloc of {} bytes", bytes.count()));
  }
  return DeviceMemory(memory);
}

Flag::Flag() {
  void* memory = nullptr;
  check_cuda(cudaHostAlloc(&memory, sizeof(unsigned), cudaHostAllocMapped), "cudaHostAlloc");
  memory_.reset(static_cast<unsigned*>(memory));
  void* device = nullptr;
  check_cuda(cudaHostGetDevicePointer(&device, memory, 0), "cudaHostGetDevicePointer");
  device_ = static_cast<unsigned*>(device);
  clear();
}

}  // namespace ppsim
