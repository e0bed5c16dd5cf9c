/// Timelines as files: Chrome trace, CSV, SVG.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/metrics/memory.hpp"
#include "ppsim/metrics/report.hpp"

namespace ppsim {

/// Chrome trace, JSON object format, by these rules: one process a rank, threads compute,
/// send, receive (overlapping transfers in lanes) and collectives, flows from send to receive and from
/// forward to backward, activation memory (inference: KV cache) as counters. A send lasts from the first byte
/// that moves to the last that leaves, a receive from the first that arrives to the last: a latency later.
/// Transfers that take no time are left out.
[[nodiscard]] std::string chrome_trace(const OpGraph& graph, const Timeline& timeline,
                                       const std::vector<RankMemory>& memory, const Report& report);

/// A run among others, in a trace or a picture.
struct TraceRun {
  std::string name;  ///< in front of its ranks' or its schedule's: "predicted"
  const OpGraph* graph = nullptr;
  const Timeline* timeline = nullptr;
  const std::vector<RankMemory>* memory = nullptr;  ///< traces only
  const Report* report = nullptr;
};

/// Several runs in one trace, each with processes of its own, all beginning at 0. Requires one at least.
[[nodiscard]] std::string chrome_trace(std::span<const TraceRun> runs);

/// One row an op or transfer: rank,stream,kind,stage,micro_batch,start_ns,finish_ns,bytes,peer; ascending by
/// start, then rank. Streams are compute, send, receive, collectives; a transfer has a row on the sender's
/// send stream and one on the receiver's receive stream, with the times of a trace, `peer` naming the other.
/// A pair gives two rows with the same times.
[[nodiscard]] std::string timeline_csv(const OpGraph& graph, const Timeline& timeline);

/// Of several steps, one after the other, a column `step` in front; of one step as above.
[[nodiscard]] std::string timeline_csv(const OpGraph& graph, std::span<const Timeline> steps);

/// What timeline_csv() wrote, packed or not, or another program in its form; at least one step. Within a step
/// rows may stand in any order, but for ops that only their order tells apart (reductions of several
/// optimizer steps). Throws Error (where: "FILE, line 7", or "FILE" for what is missing): not such a file; an
/// op or a transfer that the graph does not have, or has once and the file twice, or that the file lacks;
/// times out of order, or ops in another order than the graph's programs. O(n log n).
[[nodiscard]] std::vector<Timeline> read_timeline(const std::string& path, const OpGraph& graph);

/// Throws Error (where: `source`) where a rank's ops do not start in the order of its program: the timeline
/// is of another schedule.
void check_program_order(const OpGraph& graph, const Timeline& timeline, const std::string& source);

/// The timeline as papers draw it: a row a rank, numbered boxes, forward and backward in their colours
/// (chunks in shades), a time axis, a legend, the figures in the title, at most 1600 pixels wide. Boxes too
/// narrow for their numbers go without; ops too narrow to be seen are merged into columns that show each
/// kind's share of the time, so that half a million ops stay below 2 MB.
[[nodiscard]] std::string timeline_svg(const OpGraph& graph, const Timeline& timeline, const Report& report);

/// Several runs of one shape, one above the other on the same scale. Requires one at least.
[[nodiscard]] std::string timelines_svg(std::span<const TraceRun> runs);

/// The picture of one run for a terminal: one row a rank, at most `width` columns wide, time scaled to fit.
/// Coloured or plain.
[[nodiscard]] std::string timeline_text(const OpGraph& graph, const Timeline& timeline, std::size_t width,
                                        bool color);

/// What one rank does, as a program: "Recv activation of micro-batch 3 from rank 0 (2.5 MB)",
/// "Forward layers 21-40, micro-batch 3", "Send ...", one line a step, in its order: what an op needs is
/// received right before it, what it makes is sent right behind it; where sends and receives are part of the
/// program, each stands where the program has it.
[[nodiscard]] std::string rank_program(const OpGraph& graph, const Report& report, Rank rank);

}  // namespace ppsim
