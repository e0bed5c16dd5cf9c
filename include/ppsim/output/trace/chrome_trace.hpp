// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Chrome traces of timelines.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/metrics/memory.hpp"
#include "ppsim/metrics/report.hpp"
#include "ppsim/output/shown_run.hpp"

namespace ppsim {

/// Chrome trace, JSON object format, by these rules: one process a rank, threads compute,
/// send, receive (overlapping transfers in lanes) and collectives, flows from send to receive and from
/// forward to backward, activation memory (inference: KV cache) as counters. A send lasts from the first byte
/// that moves to the last that leaves, a receive from the first that arrives to the last: a latency later.
/// Transfers that take no time are left out.
[[nodiscard]] std::string chrome_trace(const OpGraph& graph, const Timeline& timeline,
                                       const std::vector<RankMemory>& memory, const Report& report);

/// Several runs in one trace, each with processes of its own, all beginning at 0. Requires one at least.
[[nodiscard]] std::string chrome_trace(std::span<const ShownRun> runs);

}  // namespace ppsim
