// Streams, events and memory of a GPU that end with their owner.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>
#include <type_traits>

#include "ppsim/core/units.hpp"

namespace ppsim {

struct EndStream {
  void operator()(cudaStream_t stream) const { cudaStreamDestroy(stream); }
};
struct EndEvent {
  void operator()(cudaEvent_t event) const { cudaEventDestroy(event); }
};
struct FreeDevice {
  void operator()(void* memory) const { cudaFree(memory); }
};
struct FreeHost {
  void operator()(unsigned* memory) const { cudaFreeHost(memory); }
};

using Stream = std::unique_ptr<std::remove_pointer_t<cudaStream_t>, EndStream>;
using Event = std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, EndEvent>;
using DeviceMemory = std::unique_ptr<void, FreeDevice>;

/// Waits for no other stream but where it is told to.
[[nodiscard]] Stream make_stream();

/// True when all that was enqueued on it is done.
[[nodiscard]] bool is_empty(cudaStream_t stream);

/// That keeps the time at which its stream reached it.
[[nodiscard]] Event make_event();

/// Nothing for no bytes.
[[nodiscard]] DeviceMemory allocate(Bytes bytes);

/// What a kernel waits for, and the host writes.
class Flag {
 public:
  Flag();

  void set() { *static_cast<volatile unsigned*>(memory_.get()) = 1; }
  void clear() { *static_cast<volatile unsigned*>(memory_.get()) = 0; }
  [[nodiscard]] const unsigned* on_device() const { return device_; }

 private:
  std::unique_ptr<unsigned, FreeHost> memory_;
  unsigned* device_ = nullptr;
};

}  // namespace ppsim
