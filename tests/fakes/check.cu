// The kernels of the check programs, and how they are launched: as little as possible for nvcc.
#include "check_kernels.hpp"

__device__ unsigned long long spun;

__global__ void latch_kernel(const volatile unsigned* flag) {
  while (*flag == 0) {
  }
}

__global__ void spin_kernel(unsigned long long ns) { spun += ns; }

__global__ void move_kernel(char* to, const char* from) { *to = *from; }

__global__ void other_kernel() {}

void launch_latch(const unsigned* flag, cudaStream_t stream) { latch_kernel<<<1, 1, 0, stream>>>(flag); }

void launch_spin(unsigned long long ns, cudaStream_t stream) { spin_kernel<<<1, 1, 0, stream>>>(ns); }

void launch_move(cudaStream_t stream) { move_kernel<<<1, 1, 0, stream>>>(nullptr, nullptr); }

void launch_other(cudaStream_t stream) { other_kernel<<<1, 1, 0, stream>>>(); }

void launch_too_wide(cudaStream_t stream) { move_kernel<<<1, 2048, 0, stream>>>(nullptr, nullptr); }
