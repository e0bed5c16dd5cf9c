#include "metrics/run_bounds.hpp"

#include <algorithm>

namespace ppsim {
namespace {

bool holds(std::span<const Op> ops, bool (*wanted)(OpKind)) {
  return std::any_of(ops.begin(), ops.end(), [wanted](const Op& op) { return wanted(op.kind); });
}

bool is_forward(OpKind kind) {
  return kind == OpKind::Forward;
}

RankRamps find_ramps(const OpGraph& graph, const Timeline& timeline, std::size_t rank) {
  const VertexId begin = graph.rank_begin()[rank], end = graph.rank_begin()[rank + 1];
  RankRamps ramps;
  for (VertexId v = begin; v < end && !ramps.first_backward_start; ++v) {
    if (holds(graph.ops(v), needs_gradient)) ramps.first_backward_start = timeline.start[v];
  }
  for (VertexId v = end; v > begin && !ramps.last_forward_finish; --v) {
    if (holds(graph.ops(v - 1), is_forward)) ramps.last_forward_finish = timeline.finish[v - 1];
  }
  return ramps;
}

void find_tails(RunBounds& run, const OpGraph& graph, const Timeline& timeline) {
  run.tails.resize(graph.vertex_count());
  for (VertexId v = 0; v < graph.vertex_count(); ++v) {
    if (is_compute(graph.ops(v).front().kind)) continue;
    run.tails[v] = true;
    run.tail_times.push_back({timeline.start[v], timeline.finish[v]});
  }
  std::sort(run.tail_times.begin(), run.tail_times.end(),
            [](TailSpan a, TailSpan b) { return a.begin < b.begin; });
}

}  // namespace

RunBounds find_bounds(const OpGraph& graph, const Timeline& timeline) {
  RunBounds run;
  for (std::size_t rank = 0; rank < graph.rank_count(); ++rank) {
    run.ramps.push_back(find_ramps(graph, timeline, rank));
    run.forward_only &= !run.ramps.back().first_backward_start;
  }
  if (graph.vertex_count() == 0) return run;
  run.begin = *std::min_element(timeline.start.begin(), timeline.start.end());
  run.end = *std::max_element(timeline.finish.begin(), timeline.finish.end());
  find_tails(run, graph, timeline);
  return run;
}

}  // namespace ppsim
