/// What a profiler saw of a real job, as a measured timeline.
#pragma once

#include <string>
#include <vector>

#include "metrics/gpu_trace.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// In the order of their ranks: distributedInfo's, or where no trace has it the order given. Throws Error
/// where some have it and others not, where two are of one rank, and where the ranks are not equally far
/// apart: then one is missing. Requires one at least.
[[nodiscard]] std::vector<GpuTrace> sort_by_rank(std::vector<GpuTrace> traces);

struct ImportedTrace {
  std::vector<Timeline> steps;     ///< of the graph
  std::vector<std::string> notes;  ///< how ops and transfers were found, how clocks were aligned
};

/// An op lasts from the first to the last compute kernel of its annotation; reductions and gatherings by
/// their collectives. Annotations that count, in this order, of the GPU before those of the host: the
/// schedule's grammar ("0F3", "PP:0F3", "0REDUCE_GRAD"), or the kind alone ("forward_step",
/// "forward-compute", "Forward 3"; the same of backward; "Optimizer.step#..."), whose n-th is the n-th of its
/// kind in the program. Without any: each kind and stage is the same sequence of kernel names wherever the
/// program has it. A transfer moves from when its kernels run at both ends to when the receiver's ends; where
/// kernels do not say whose they are, it is the rank's last NCCL kernel before the op that needs it. Clocks
/// are aligned so that both ends of a transfer end together, in the median. `traces` [P], sorted. Throws
/// Error (where: a trace) where they are not of this schedule.
[[nodiscard]] ImportedTrace import_traces(const OpGraph& graph, const Schedule& schedule,
                                          const std::vector<GpuTrace>& traces);

}  // namespace ppsim
