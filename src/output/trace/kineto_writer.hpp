/// A run in the format of PyTorch's profiler (Kineto), one file a rank.
#pragma once

#include <string>

#include "ppsim/core/ids.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// One rank of a run as such a file: the kernels of its ops, named by kind, with annotations that name the
/// op in the schedule's grammar, on the host and on the GPU; NCCL kernels of its transfers, a receive's from
/// when its rank had nothing else to do. Both ends of a transfer end together.
[[nodiscard]] std::string kineto_trace(const OpGraph& graph, const Timeline& timeline,
                                       const Schedule& schedule, Rank rank);

}  // namespace ppsim
