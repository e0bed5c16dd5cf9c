/// Traces of PyTorch's profiler (Kineto), one file a rank, read.
#pragma once

#include <string>

#include "metrics/gpu_trace.hpp"

namespace ppsim {

/// Reads what import needs of a file, packed or not: kernels (NCCL's by name), when the host launched them,
/// annotations, distributedInfo, baseTimeNanoseconds; nothing else is kept. Throws Error (where: the file,
/// with line and column, or with a pointer): not JSON, cut off; no "traceEvents"; no GPU kernel; an event
/// without its times.
[[nodiscard]] GpuTrace read_kineto(const std::string& path);

}  // namespace ppsim
