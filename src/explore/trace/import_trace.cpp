#include "explore/trace/import_trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "explore/trace/trace_ops.hpp"
#include "explore/trace/trace_transfers.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/input/timeline/timeline_reader.hpp"
#include "text/quantity.hpp"

namespace ppsim {
namespace {

std::string ranks_text(const std::vector<GpuTrace>& traces) {
  std::string text;
  for (std::size_t i = 0; i < traces.size(); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 == traces.size() ? " and " : ", ", *traces[i].rank);
  return text;
}

// One of each stage: of 8 ranks and 2 stages 0 and 4, say.
void check_distances(const std::vector<GpuTrace>& traces) {
  for (std::size_t i = 1; i < traces.size(); ++i) {
    const GpuTrace& last = traces[i - 1];
    if (*traces[i].rank == *last.rank)
      throw Error(traces[i].source, fmt::format("is of rank {}, as {} is", *last.rank, last.source));
    if (*traces[i].rank - *last.rank != *traces[1].rank - *traces[0].rank)
      throw Error("", fmt::format("the traces are of ranks {}: expected ranks equally far apart, one of each "
                                  "position in the pipeline; one is missing",
                                  ranks_text(traces)));
  }
}

struct FoundOps {
  std::vector<RankSpans> ranks;  // [P]
  std::size_t annotated = 0;     // ranks
};

FoundOps find_ops(const OpGraph& graph, const Schedule& schedule, const std::vector<GpuTrace>& traces) {
  FoundOps found;
  for (std::uint32_t rank = 0; rank < traces.size(); ++rank) {
    auto spans = spans_by_annotations(graph, schedule, Rank{rank}, traces[rank]);
    if (spans) ++found.annotated;
    found.ranks.push_back(spans ? std::move(*spans) : spans_by_period(graph, Rank{rank}, traces[rank]));
    if (found.ranks.back().size() != found.ranks.front().size())
      throw Error(traces[rank].source,
                  fmt::format("has {} steps, and {} has {}: expected as many", found.ranks.back().size(),
                              traces[0].source, found.ranks.front().size()));
  }
  return found;
}

Timeline empty_timeline(const OpGraph& graph) {
  Timeline timeline;
  timeline.start.resize(graph.vertex_count());
  timeline.finish.resize(graph.vertex_count());
  timeline.transfer_start.resize(graph.edge_count());
  timeline.transfer_finish.resize(graph.edge_count());
  return timeline;
}

void place_ops(Timeline& timeline, const OpGraph& graph, const FoundOps& found, const Clocks& clocks,
               std::size_t step) {
  for (std::size_t rank = 0; rank < found.ranks.size(); ++rank) {
    VertexId v = graph.rank_begin()[rank];
    for (const OpSpan span : found.ranks[rank][step]) {
      timeline.start[v] = span.start - clocks.ahead[rank];
      timeline.finish[v++] = span.finish - clocks.ahead[rank];
    }
  }
}

void place_matched(Timeline& timeline, const OpGraph& graph, const std::vector<TransferKernels>& transfers,
                   const Clocks& clocks) {
  for (const TransferKernels& transfer : transfers) {
    const TransferClass& kind = *graph.transfer(transfer.edge);
    const Time at_sender = clocks.ahead[index(kind.from)], at_receiver = clocks.ahead[index(kind.to)];
    const Time finish = transfer.receive->finish - at_receiver;
    const Time both_there = std::max(transfer.send->start - at_sender, transfer.receive->start - at_receiver);
    timeline.transfer_start[transfer.edge] = std::min(both_there, finish);
    timeline.transfer_finish[transfer.edge] = finish;
  }
}

/// NCCL kernels of a rank that send or receive, by when they end.
std::vector<const GpuKernel*> transfers_by_end(const GpuTrace& trace) {
  std::vector<const GpuKernel*> kernels;
  for (const GpuKernel& kernel : trace.kernels) {
    if (kernel.work == GpuWork::PointToPoint) kernels.push_back(&kernel);
  }
  std::stable_sort(kernels.begin(), kernels.end(),
                   [](const GpuKernel* a, const GpuKernel* b) { return a->finish < b->finish; });
  return kernels;
}

/// Where kernels do not say which ranks they join: the receiver's last one before the op that needs it.
void place_by_need(Timeline& timeline, const OpGraph& graph, const std::vector<GpuTrace>& traces) {
  std::vector<std::vector<const GpuKernel*>> by_end;
  for (const GpuTrace& trace : traces) by_end.push_back(transfers_by_end(trace));
  for (VertexId source = 0; source < graph.vertex_count(); ++source) {
    for (const GraphEdge edge : graph.out_edges(source)) {
      if (!is_transfer(edge.kind)) continue;
      const auto& kernels = by_end[index(graph.rank_of(edge.target))];
      const auto next =
          std::upper_bound(kernels.begin(), kernels.end(), timeline.start[edge.target],
                           [](Time time, const GpuKernel* kernel) { return time < kernel->finish; });
      const Time ready = std::min(timeline.finish[source], timeline.start[edge.target]);
      const bool found = next != kernels.begin() && next[-1]->finish >= ready;
      timeline.transfer_finish[edge.id] = found ? next[-1]->finish : ready;
      timeline.transfer_start[edge.id] = found ? std::max(ready, next[-1]->start) : ready;
    }
  }
}

/// Times count from the step's first start.
void begin_at_zero(Timeline& timeline) {
  if (timeline.start.empty()) return;
  const Time origin = *std::min_element(timeline.start.begin(), timeline.start.end());
  for (auto* times : {&timeline.start, &timeline.finish}) {
    for (Time& time : *times) time -= origin;
  }
  for (auto* times : {&timeline.transfer_start, &timeline.transfer_finish}) {
    for (Time& time : *times) time = std::max(time - origin, Time{});  // by the clocks' error
  }
}

void clear_unused(Timeline& timeline, const OpGraph& graph) {
  for (EdgeId edge = 0; edge < graph.edge_count(); ++edge) {
    if (graph.transfer(edge) == nullptr)
      timeline.transfer_start[edge] = timeline.transfer_finish[edge] = Time{};
  }
}

std::vector<std::string> make_notes(const FoundOps& found, bool matched, const Clocks& clocks) {
  std::vector<std::string> notes;
  const std::size_t ranks = found.ranks.size();
  if (found.annotated > 0) notes.emplace_back("ops were found by annotations");
  if (found.annotated < ranks)
    notes.push_back(fmt::format("ops of {} of {} ranks were found by kernels whose names repeat",
                                ranks - found.annotated, ranks));
  if (clocks.uncertainty) {
    const auto [least, most] = std::minmax_element(clocks.ahead.begin(), clocks.ahead.end());
    notes.push_back(
        fmt::format("clocks were aligned by up to {}; 95 % of the transfers then end at both ends "
                    "within {}",
                    format_time(*most - *least), format_time(*clocks.uncertainty)));
  } else if (ranks > 1) {
    notes.emplace_back(matched
                           ? "no two ranks exchange anything: their clocks were taken as they are"
                           : "NCCL kernels do not say which ranks they join: transfers were found by the ops "
                             "that need them, and clocks were taken as they are");
  }
  return notes;
}

void check_graph(const OpGraph& graph, const std::vector<GpuTrace>& traces) {
  if (traces.size() != graph.rank_count())
    throw Error("", fmt::format("{} traces, and the schedule has {} ranks: expected one of each",
                                traces.size(), graph.rank_count()));
  if (!graph.copies().empty())
    throw Error("",
                "the schedule copies activations (EVICT, LOAD), which traces do not tell from other "
                "transfers: expected a schedule without");
}

}  // namespace

std::vector<GpuTrace> sort_by_rank(std::vector<GpuTrace> traces) {
  const auto with_rank = std::count_if(traces.begin(), traces.end(),
                                       [](const GpuTrace& trace) { return trace.rank.has_value(); });
  if (with_rank == 0) return traces;
  const auto without = std::find_if(traces.begin(), traces.end(),
                                    [](const GpuTrace& trace) { return !trace.rank.has_value(); });
  if (without != traces.end())
    throw Error(without->source,
                "has no distributedInfo with a rank, and another trace has: expected all or none");
  std::stable_sort(traces.begin(), traces.end(),
                   [](const GpuTrace& a, const GpuTrace& b) { return *a.rank < *b.rank; });
  check_distances(traces);
  return traces;
}

ImportedTrace import_traces(const OpGraph& graph, const Schedule& schedule,
                            const std::vector<GpuTrace>& traces) {
  check_graph(graph, traces);
  const FoundOps found = find_ops(graph, schedule, traces);
  const std::size_t steps = found.ranks.front().size();
  const auto transfers = match_transfers(graph, traces, steps);
  const Clocks clocks = align_clocks(graph, transfers);
  ImportedTrace imported;
  for (std::size_t step = 0; step < steps; ++step) {
    Timeline timeline = empty_timeline(graph);
    place_ops(timeline, graph, found, clocks, step);
    transfers.empty() ? place_by_need(timeline, graph, traces)
                      : place_matched(timeline, graph, transfers[step], clocks);
    begin_at_zero(timeline);
    clear_unused(timeline, graph);
    check_program_order(graph, timeline, traces.front().source);
    imported.steps.push_back(std::move(timeline));
  }
  imported.notes = make_notes(found, !transfers.empty(), clocks);
  return imported;
}

}  // namespace ppsim
