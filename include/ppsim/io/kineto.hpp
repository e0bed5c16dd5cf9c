/// Traces in the format of PyTorch's profiler (Kineto), one file a rank.
#pragma once

#include <cstdint>
#include <string>

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/metrics/gpu_trace.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// Reads what import needs of a file, packed or not: kernels (NCCL's by name), when the host launched them,
/// annotations, distributedInfo, baseTimeNanoseconds; nothing else is kept. Throws Error (where: the file,
/// with line and column, or with a pointer): not JSON, cut off; no "traceEvents"; no GPU kernel; an event
/// without its times.
[[nodiscard]] GpuTrace read_kineto(const std::string& path);

/// One rank of a run as such a file: the kernels of its ops, named by kind, with annotations that name the
/// op in the schedule's grammar, on the host and on the GPU; NCCL kernels of its transfers, a receive's from
/// when its rank had nothing else to do. Both ends of a transfer end together.
[[nodiscard]] std::string kineto_trace(const OpGraph& graph, const Timeline& timeline,
                                       const Schedule& schedule, Rank rank);

}  // namespace ppsim
