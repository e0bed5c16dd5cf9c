// What the GPU runs of our own. Errors of a launch are cudaGetLastError()'s.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace ppsim {

/// Holds the stream until the host has written something else than 0 to `flag` (mapped memory).
void launch_latch(cudaStream_t stream, const unsigned* flag);

/// Lasts so long, on one thread.
void launch_spin(cudaStream_t stream, long long nanoseconds);

/// Reads and writes `bytes` (whole 16 of them).
void launch_move(cudaStream_t stream, const void* from, void* to, std::size_t bytes);

/// Fills memory with 16-bit patterns: `one` with random bits of its sign and of `fraction`.
void launch_fill(cudaStream_t stream, void* to, std::size_t bytes, unsigned short one,
                 unsigned short fraction);

}  // namespace ppsim
