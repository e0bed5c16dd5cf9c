// The fake CUDA runtime: memory pools.
#include "cudart_pool.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "cudart.hpp"

size_t CUmemPoolHandle_st::missing(size_t bytes) const {
  return bytes - std::min(reserved - used, bytes);
}

void CUmemPoolHandle_st::take(size_t bytes) {
  reserved += missing(bytes);
  used += bytes;
  used_high = std::max(used_high, used);
  reserved_high = std::max(reserved_high, reserved);
}

void CUmemPoolHandle_st::trim(size_t keep) {
  reserved = std::min(reserved, std::max(used, keep));
}

namespace fakes {
namespace {

std::array<CUmemPoolHandle_st, kMostDevices>& pools() {
  static auto& all = *new std::array<CUmemPoolHandle_st, kMostDevices>;
  return all;
}

CUmemPoolHandle_st* find_pool(cudaMemPool_t handle) {
  for (CUmemPoolHandle_st& pool : pools()) {
    if (&pool == handle) return &pool;
  }
  return nullptr;
}

size_t* watermark(CUmemPoolHandle_st& pool, cudaMemPoolAttr attribute) {
  if (attribute == cudaMemPoolAttrUsedMemHigh) return &pool.used_high;
  if (attribute == cudaMemPoolAttrReservedMemHigh) return &pool.reserved_high;
  return nullptr;
}

}  // namespace

std::mutex& memory_mutex() {
  static std::mutex& mutex = *new std::mutex;
  return mutex;
}

CUmemPoolHandle_st& pool_of(int device) {
  return pools()[static_cast<size_t>(device)];
}

void trim_pool(int device) {
  const std::scoped_lock lock(memory_mutex());
  pool_of(device).trim(pool_of(device).threshold);
}

}  // namespace fakes

using namespace fakes;

extern "C" {

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  return api(__func__, [&] {
    if (device < 0 || device >= device_count()) return cudaErrorInvalidDevice;
    *pool = &pool_of(device);
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t handle, cudaMemPoolAttr attribute, void* value) {
  return api(__func__, [&] {
    const std::scoped_lock lock(memory_mutex());
    CUmemPoolHandle_st* const pool = find_pool(handle);
    if (pool == nullptr || value == nullptr) return cudaErrorInvalidValue;
    if (attribute == cudaMemPoolAttrReleaseThreshold) {
      pool->threshold = *static_cast<uint64_t*>(value);
      return cudaSuccess;
    }
    size_t* const high = watermark(*pool, attribute);
    if (high == nullptr || *static_cast<uint64_t*>(value) != 0) return cudaErrorInvalidValue;
    *high = high == &pool->used_high ? pool->used : pool->reserved;
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t handle, cudaMemPoolAttr attribute, void* value) {
  return api(__func__, [&] {
    const std::scoped_lock lock(memory_mutex());
    CUmemPoolHandle_st* const pool = find_pool(handle);
    if (pool == nullptr || value == nullptr) return cudaErrorInvalidValue;
    uint64_t& figure = *static_cast<uint64_t*>(value);
    switch (attribute) {
      case cudaMemPoolAttrReleaseThreshold:
        figure = pool->threshold;
        return cudaSuccess;
      case cudaMemPoolAttrUsedMemCurrent:
        figure = pool->used;
        return cudaSuccess;
      case cudaMemPoolAttrUsedMemHigh:
        figure = pool->used_high;
        return cudaSuccess;
      case cudaMemPoolAttrReservedMemCurrent:
        figure = pool->reserved;
        return cudaSuccess;
      case cudaMemPoolAttrReservedMemHigh:
        figure = pool->reserved_high;
        return cudaSuccess;
      default:
        return cudaErrorNotSupported;
    }
  });
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t handle, size_t keep) {
  return api(__func__, [&] {
    const std::scoped_lock lock(memory_mutex());
    CUmemPoolHandle_st* const pool = find_pool(handle);
    if (pool == nullptr) return cudaErrorInvalidValue;
    pool->trim(keep);
    return cudaSuccess;
  });
}
}
