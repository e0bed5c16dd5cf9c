// What check.cu gives to the check programs.
#pragma once

#include <cuda_runtime_api.h>

void launch_latch(const unsigned* flag, cudaStream_t stream);
void launch_spin(unsigned long long ns, cudaStream_t stream);
void launch_move(cudaStream_t stream);
/// A kernel that the fakes don't know.
void launch_other(cudaStream_t stream);
/// More threads in a block than any GPU has.
void launch_too_wide(cudaStream_t stream);
