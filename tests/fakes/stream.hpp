// The seam between the fakes: what the fake CUDA runtime does for the fake NCCL and the fake cuBLASLt.
#pragma once

#include <driver_types.h>

#include <cstddef>

extern "C" {

/// Runs action(argument) on the stream's thread after all that was enqueued there before. Counts as a launch:
/// it blocks while the stream's queue is full. cudaErrorInvalidResourceHandle where there is no such stream.
cudaError_t fake_stream_enqueue(cudaStream_t stream, void (*action)(void*), void* argument);

/// The device of a stream; -1 where there is no such stream.
int fake_stream_device(cudaStream_t stream);

/// How many bytes of device memory there are from `pointer` on; 0 where it does not point into any.
size_t fake_bytes_behind(const void* pointer);
}
