// Kernels alone: what calls them is host code, in files that the host compiler sees.
#include <cstdint>

#include "kernels.hpp"

namespace ppsim {
namespace {

// Holds its stream until the host writes the flag, which lies in memory that both see.
__global__ void latch_kernel(const volatile unsigned* flag) {
  while (*flag == 0) __nanosleep(100);
}

// One thread, so that all else on the GPU has the processors. %globaltimer counts nanoseconds.
__global__ void spin_kernel(long long nanoseconds) {
  unsigned long long begin = 0, now = 0;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(begin));
  do {
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  } while (now - begin < static_cast<unsigned long long>(nanoseconds));
}

// As an operator that memory bounds: reads as much as it writes.
__global__ void move_kernel(const uint4* from, uint4* to, std::size_t count) {
  const std::size_t stride = std::size_t{gridDim.x} * blockDim.x;
  for (std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride)
    to[i] = from[i];
}

// Numbers between 1 and 2, of either sign: with zeros a GPU draws less power and runs faster than in a model.
__global__ void fill_kernel(unsigned short* to, std::size_t count, unsigned short one,
                            unsigned short fraction) {
  const std::size_t stride = std::size_t{gridDim.x} * blockDim.x;
  for (std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    unsigned hash = static_cast<unsigned>(i) * 2654435761U;  // Knuth's multiplicative hash
    hash ^= hash >> 15;
    to[i] = static_cast<unsigned short>(one | (hash & (0x8000U | fraction)));
  }
}

constexpr unsigned kThreads = 256;
constexpr unsigned kBlocks = 1024;  // some for each of a GPU's processors

}  // namespace

void launch_latch(cudaStream_t stream, const unsigned* flag) {
  latch_kernel<<<1, 1, 0, stream>>>(flag);
}

void launch_spin(cudaStream_t stream, long long nanoseconds) {
  spin_kernel<<<1, 1, 0, stream>>>(nanoseconds);
}

void launch_move(cudaStream_t stream, const void* from, void* to, std::size_t bytes) {
  move_kernel<<<kBlocks, kThreads, 0, stream>>>(static_cast<const uint4*>(from), static_cast<uint4*>(to),
                                                bytes / sizeof(uint4));
}

void launch_fill(cudaStream_t stream, void* to, std::size_t bytes, unsigned short one,
                 unsigned short fraction) {
  fill_kernel<<<kBlocks, kThreads, 0, stream>>>(static_cast<unsigned short*>(to), bytes / 2, one, fraction);
}

}  // namespace ppsim
