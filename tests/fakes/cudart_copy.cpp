// The fake CUDA runtime: memset and memcpy. Bytes are really moved.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "cudart.hpp"
#include "stream.hpp"

namespace fakes {
namespace {

/// Zeroes whole pages by giving them back: a cleared activation of many GB must not fill the host's memory.
void clear(char* from, size_t bytes) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto start = reinterpret_cast<uintptr_t>(from), end = start + bytes;
  const uintptr_t first = (start + page - 1) / page * page, last = end / page * page;
  if (first >= last || madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED) != 0) {
    std::memset(from, 0, bytes);
    return;
  }
  std::memset(from, 0, first - start);
  std::memset(reinterpret_cast<void*>(last), 0, end - last);
}

void fill(char* from, int value, size_t bytes) {
  if (value == 0) return clear(from, bytes);
  std::memset(from, value, bytes);
}

bool is_on_device(const void* pointer) {
  return fake_bytes_behind(pointer) != 0;
}

/// Whether a side of a copy is where its kind says, with `bytes` there; what the host has is not known.
bool fits(const void* pointer, size_t bytes, bool says_device, bool says_nothing) {
  const size_t there = fake_bytes_behind(pointer);
  return there != 0 ? (says_device || says_nothing) && there >= bytes : !says_device;
}

bool fits(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const bool any = kind == cudaMemcpyDefault;
  return fits(to, bytes, kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice, any) &&
         fits(from, bytes, kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice, any);
}

bool is_pageable(const void* pointer) {
  return !is_on_device(pointer) && !is_pinned(pointer);
}

/// Pageable memory may be gone after the call: it is read at once, and written before the call returns.
cudaError_t copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t handle) {
  const StreamPtr stream = find_stream(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (bytes == 0) return cudaSuccess;
  if (!fits(to, from, bytes, kind)) return cudaErrorInvalidValue;
  if (is_pageable(from)) {
    const auto* const start = static_cast<const char*>(from);
    const auto staged = std::make_shared<std::vector<char>>(start, start + bytes);
    enqueue(
        stream, [=] { std::memcpy(to, staged->data(), bytes); }, Stream::Kind::Launch);
  } else {
    enqueue(
        stream, [=] { std::memmove(to, from, bytes); }, Stream::Kind::Launch);
  }
  if (is_pageable(to)) synchronize(stream);
  return cudaSuccess;
}

cudaError_t set(void* to, int value, size_t bytes, cudaStream_t handle) {
  const StreamPtr stream = find_stream(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (bytes == 0) return cudaSuccess;
  if (fake_bytes_behind(to) < bytes) return cudaErrorInvalidValue;
  enqueue(
      stream, [=] { fill(static_cast<char*>(to), value, bytes); }, Stream::Kind::Launch);
  return cudaSuccess;
}

}  // namespace
}  // namespace fakes

using namespace fakes;

extern "C" {

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return api(__func__, [&] { return copy(to, from, bytes, kind, stream); });
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  return api(__func__, [&] {
    const cudaError_t error = copy(to, from, bytes, kind, nullptr);
    if (error == cudaSuccess) synchronize(find_stream(nullptr));
    return error;
  });
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  return api(__func__, [&] { return set(to, value, bytes, stream); });
}

cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  return api(__func__, [&] { return set(to, value, bytes, nullptr); });
}
}
