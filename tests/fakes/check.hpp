// What the check programs share. They are made by nvcc and g++ for the real libraries and know nothing of the
// fakes.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>

#include "check_kernels.hpp"

/// Ends the program, naming the place, where `condition` doesn't hold.
#define CHECK(condition)                                                  \
  do {                                                                    \
    if (!(condition)) {                                                   \
      std::printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      std::exit(1);                                                       \
    }                                                                     \
  } while (false)

#define CUDA(call) CHECK((call) == cudaSuccess)

using Cases = std::map<std::string, void (*)()>;

inline void nap(std::chrono::milliseconds length) {
  std::this_thread::sleep_for(length);
}

inline cudaStream_t make_stream(unsigned flags = cudaStreamNonBlocking) {
  cudaStream_t stream = nullptr;
  CUDA(cudaStreamCreateWithFlags(&stream, flags));
  return stream;
}

inline cudaEvent_t make_event(unsigned flags = cudaEventDefault) {
  cudaEvent_t event = nullptr;
  CUDA(cudaEventCreateWithFlags(&event, flags));
  return event;
}

/// A flag in mapped host memory, and a stream that waits for it.
class Latch {
 public:
  Latch() {
    CUDA(cudaHostAlloc(reinterpret_cast<void**>(&flag_), sizeof(unsigned), cudaHostAllocMapped));
    *flag_ = 0;
  }
  void hold(cudaStream_t stream) const {
    void* on_device = nullptr;
    CUDA(cudaHostGetDevicePointer(&on_device, flag_, 0));
    launch_latch(static_cast<const unsigned*>(on_device), stream);
    CUDA(cudaGetLastError());
  }
  void open() const { __atomic_store_n(flag_, 1U, __ATOMIC_RELEASE); }

 private:
  unsigned* flag_ = nullptr;
};

/// Runs the case that the first argument names.
inline int run_case(const Cases& cases, int count, char** arguments) {
  const auto found = count < 2 ? cases.end() : cases.find(arguments[1]);
  if (found == cases.end()) {
    std::printf("no such case\n");
    return 2;
  }
  found->second();
  std::printf("passed\n");
  return 0;
}
