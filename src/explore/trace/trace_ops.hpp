/// Where a rank's ops lie in its trace.
#pragma once

#include <optional>
#include <vector>

#include "metrics/gpu_trace.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

struct OpSpan {
  Time start{}, finish{};
};

/// [steps][vertices of the rank]
using RankSpans = std::vector<std::vector<OpSpan>>;

/// By annotations; nothing where none is known. Throws Error (where: the trace) where they do not fit the
/// schedule.
[[nodiscard]] std::optional<RankSpans> spans_by_annotations(const OpGraph& graph, const Schedule& schedule,
                                                            Rank rank, const GpuTrace& trace);

/// By the kernels' names, one step between two marks of the profiler. Throws Error (where: the trace) where
/// they do not repeat as the schedule does.
[[nodiscard]] RankSpans spans_by_period(const OpGraph& graph, Rank rank, const GpuTrace& trace);

}  // namespace ppsim
