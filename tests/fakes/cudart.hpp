// What the files of the fake CUDA runtime share. Nothing here is ever destroyed: at exit, threads of streams
// may still wait, and no destructor may pull anything from under them or wait for them.
#pragma once

#include <cuda_runtime_api.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "handles.hpp"

/// A stream: a queue, and a thread that serves it.
struct CUstream_st {
  /// The legacy default stream and the blocking streams wait for each other.
  enum class Rule { Legacy, Blocking, NonBlocking };
  /// A launch takes one of the queue's places until it has ended, as kernels, copies and memsets do on a GPU.
  enum class Kind { Launch, Marker };
  using Action = std::function<void()>;

  CUstream_st(int on_device, Rule its_rule) : device(on_device), rule(its_rule) {}

  /// Runs what is pushed, until the stream is closed and empty.
  void serve();
  /// Blocks while a launch finds no place.
  void push(Action action, Kind kind);
  void close();
  bool closed();
  /// How many actions were pushed so far.
  uint64_t pushed();
  /// Whether the first `count` actions have ended.
  bool has_ended(uint64_t count);
  void wait_until_ended(uint64_t count);

  const int device;
  const Rule rule;

 private:
  struct Entry {
    Action action;
    Kind kind;
  };
  bool take(Entry& entry);
  void end(Kind kind);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> queue_;
  uint64_t pushed_ = 0;
  uint64_t ended_ = 0;
  int launches_ = 0;
  bool closed_ = false;
};

namespace fakes {

using Stream = CUstream_st;
using StreamPtr = std::shared_ptr<Stream>;

// cudart_device.cpp
constexpr int kMostDevices = 64;
int device_count();
int current_device();
/// Whether a call may go on: injected faults and "no device" say no.
cudaError_t permission(const char* function);
/// Keeps an error for cudaGetLastError of this thread, and returns it.
cudaError_t remember(cudaError_t error);

/// What every function of the API is wrapped in.
template <class Body>
cudaError_t api(const char* function, Body body) {
  const cudaError_t error = permission(function);
  return remember(error == cudaSuccess ? body() : error);
}

// cudart_memory.cpp
size_t device_memory();
/// Whether it points into memory of cudaHostAlloc.
bool is_pinned(const void* pointer);

// cudart_pool.cpp
/// A point where the host waited for the device: what the pool has reserved above its threshold goes back.
void trim_pool(int device);

// cudart_stream.cpp
/// The stream of a handle, null and cudaStreamLegacy included; null where there is none.
StreamPtr find_stream(cudaStream_t handle);
/// Pushes behind what the legacy default stream's rules make it wait for.
void enqueue(const StreamPtr& stream, Stream::Action action, Stream::Kind kind);
void synchronize(const StreamPtr& stream);
/// Waits for all streams of the current device.
void synchronize_device();

}  // namespace fakes
