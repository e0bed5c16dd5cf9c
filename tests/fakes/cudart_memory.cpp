// The fake CUDA runtime: memory. Device memory is address space of the host that costs nothing until it is
// touched.
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>

#include "cudart.hpp"
#include "cudart_pool.hpp"
#include "environment.hpp"
#include "stream.hpp"

namespace fakes {
namespace {

enum class Place { Device, Pool, Host };

struct Block {
  size_t bytes;
  int device;
  Place place;
};

/// All memory of this process, under memory_mutex(): other processes on the same fake device have their own.
struct Memory {
  std::map<const char*, Block> blocks;
  std::array<size_t, kMostDevices> allocated{};  // by cudaMalloc
};

Memory& memory() {
  static Memory& all = *new Memory;
  return all;
}

size_t taken(int device) {
  return memory().allocated[device] + pool_of(device).reserved;
}

/// The block into which `pointer` points, and where in it; under the lock.
struct Found {
  const Block* block = nullptr;
  size_t offset = 0;
};

Found find_block(const void* pointer) {
  const char* const address = static_cast<const char*>(pointer);
  const auto& blocks = memory().blocks;
  auto after = blocks.upper_bound(address);
  if (after == blocks.begin()) return {};
  const auto& [start, block] = *--after;
  const auto offset = static_cast<size_t>(address - start);
  return offset < block.bytes ? Found{&block, offset} : Found{};
}

size_t bytes_behind(const void* pointer, bool also_host) {
  const std::scoped_lock lock(memory_mutex());
  const auto [block, offset] = find_block(pointer);
  return block != nullptr && (also_host || block->place != Place::Host) ? block->bytes - offset : 0;
}

/// Null where the host refuses.
char* map_pages(size_t bytes) {
  void* const pages =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return pages == MAP_FAILED ? nullptr : static_cast<char*>(pages);
}

/// Takes `bytes` of the current device, unless it has no room for them.
bool take(size_t bytes, Place place) {
  const int device = current_device();
  const size_t free_bytes = device_memory() - taken(device);
  if (place == Place::Device) {
    if (bytes > free_bytes) return false;
    memory().allocated[device] += bytes;
  } else if (place == Place::Pool) {
    if (pool_of(device).missing(bytes) > free_bytes) return false;
    pool_of(device).take(bytes);
  }
  return true;
}

cudaError_t allocate(void** pointer, size_t bytes, Place place) {
  if (pointer == nullptr) return cudaErrorInvalidValue;
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  const std::scoped_lock lock(memory_mutex());
  if (place != Place::Host && bytes > device_memory()) return cudaErrorMemoryAllocation;
  char* const pages = map_pages(bytes);
  if (pages == nullptr) return cudaErrorMemoryAllocation;
  if (!take(bytes, place)) {
    munmap(pages, bytes);
    return cudaErrorMemoryAllocation;
  }
  memory().blocks[pages] = {bytes, current_device(), place};
  *pointer = pages;
  return cudaSuccess;
}

/// Forgets the block that starts at `pointer`; nothing where none of the places is its own. Its pages stay.
std::optional<Block> forget(void* pointer, std::initializer_list<Place> places) {
  Memory& all = memory();
  const std::scoped_lock lock(memory_mutex());
  const auto found = all.blocks.find(static_cast<char*>(pointer));
  if (found == all.blocks.end() || std::ranges::count(places, found->second.place) == 0) return std::nullopt;
  const Block block = found->second;
  if (block.place == Place::Device) all.allocated[block.device] -= block.bytes;
  if (block.place == Place::Pool) pool_of(block.device).used -= block.bytes;
  all.blocks.erase(found);
  return block;
}

/// As on a GPU, memory goes back to the system only when nothing runs that could use it.
cudaError_t release(void* pointer, std::initializer_list<Place> places) {
  if (pointer == nullptr) return cudaSuccess;
  synchronize_device();
  const auto block = forget(pointer, places);
  if (!block) return cudaErrorInvalidValue;
  munmap(pointer, block->bytes);
  return cudaSuccess;
}

}  // namespace

size_t device_memory() {
  static const auto bytes = static_cast<size_t>(number_from_environment("FAKE_CUDA_MEMORY", 80LL << 30));
  return bytes;
}

bool is_pinned(const void* pointer) {
  return bytes_behind(pointer, true) != 0 && bytes_behind(pointer, false) == 0;
}

}  // namespace fakes

using namespace fakes;

extern "C" {

size_t fake_bytes_behind(const void* pointer) {
  return bytes_behind(pointer, false);
}

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  return api(__func__, [&] { return allocate(pointer, bytes, Place::Device); });
}

cudaError_t cudaFree(void* pointer) {
  return api(__func__, [&] { return release(pointer, {Place::Device, Place::Pool}); });
}

cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t stream) {
  return api(__func__, [&] {
    if (find_stream(stream) == nullptr) return cudaErrorInvalidResourceHandle;
    return allocate(pointer, bytes, Place::Pool);
  });
}

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t handle) {
  return api(__func__, [&] {
    const StreamPtr stream = find_stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (pointer == nullptr) return cudaSuccess;
    const auto block = forget(pointer, {Place::Pool});
    if (!block) return cudaErrorInvalidValue;
    enqueue(
        stream, [pointer, bytes = block->bytes] { munmap(pointer, bytes); }, Stream::Kind::Marker);
    return cudaSuccess;
  });
}

cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total) {
  return api(__func__, [&] {
    const std::scoped_lock lock(memory_mutex());
    *total = device_memory();
    *free_bytes = device_memory() - taken(current_device());
    return cudaSuccess;
  });
}

cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) {
  return api(__func__, [&] { return allocate(pointer, bytes, Place::Host); });
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  return api(__func__, [&] { return allocate(pointer, bytes, Place::Host); });
}

cudaError_t cudaFreeHost(void* pointer) {
  return api(__func__, [&] { return release(pointer, {Place::Host}); });
}

cudaError_t cudaHostGetDevicePointer(void** device_pointer, void* host_pointer, unsigned) {
  return api(__func__, [&] {
    if (!is_pinned(host_pointer)) return cudaErrorInvalidValue;
    *device_pointer = host_pointer;
    return cudaSuccess;
  });
}
}
