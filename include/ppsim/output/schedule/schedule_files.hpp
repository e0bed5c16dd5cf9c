// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Schedules as files for other programs. Their CSV form is schedule/text.hpp's.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/schedule/schedule.hpp"
#include "ppsim/schedule/text/text.hpp"

namespace ppsim {

/// The schedule as one JSON document: name, ranks, stages, micro_batches, slices, steps, requests,
/// forward_only, `placement` [directions][S] rank of each stage, `directions` [M] where there are two,
/// `programs` [P][*] {"kind": "F", "stage": 0, "micro_batch": 3, "overlaps_next": true where so}, and where
/// the programs have it `communication` [P][*] {"kind": "SEND_F", "stage": 0, "micro_batch": 3, "position":
/// 1} (UNSHARD, RESHARD and REDUCE_GRAD: without micro_batch; in two directions with "direction").
/// Micro-batches are global. One action a line.
[[nodiscard]] std::string schedule_json(const Schedule& schedule);

/// The graph in GOAL, the text format of LogGOPSim (Hoefler, Schneider, Lumsdaine, "LogGOPSim - Simulating
/// Large-Scale Applications in the LogGOPS Model", HPDC 2010), so that a network simulator that is not ours
/// can run it. Each action is a `calc` of its duration in ns that requires the one before it on its rank;
/// each transfer is a `send` that requires its producer and a `recv` that its consumer requires, with a tag
/// that no other transfer has.
///
/// The LogGP parameters that mean a config's link: o = g = 0 (communication `overlap`), L its latency, G the
/// ns that its bandwidth takes for a byte; S beyond any message, so that nothing is a rendezvous. Then a
/// message of b bytes takes L + b G; LogGP's own (b - 1) G is short of that by the time of one byte. With
/// `contention none` messages do not hinder one another; a simulator that keeps a rank's NIC busy for G b
/// agrees where a rank sends, and receives, one message at a time.
///
/// What GOAL cannot say: links that differ (one L and G for all, see links_differ); sends that hold their
/// rank (communication other than `overlap`); a wait for the far end of a copy, which
/// EVICT and LOAD need; what runs beside a rank's program. Throws Error (where: "GOAL") for the last three.
/// Requires a graph without a cycle. O(V + E).
[[nodiscard]] std::string goal(const OpGraph& graph);

/// True where no one latency and bandwidth, up to the rounding to nanoseconds, gives the transfers' times.
[[nodiscard]] bool links_differ(const OpGraph& graph);

/// A form in which a schedule is written.
struct ScheduleFormat {
  std::string_view name;
  std::string_view help;                      ///< what the text holds, in a few words
  std::string (*text_of)(const Schedule&){};  ///< empty: the text needs more than the schedule
};

/// All forms, in the order of the help. The sends and receives of csv-comms depend on passes, and goal is of
/// a graph.
inline constexpr std::array kScheduleFormats{
    ScheduleFormat{"csv", "compute ops, in PyTorch's grammar", &to_csv},
    ScheduleFormat{"csv-comms", "sends and receives too"},
    ScheduleFormat{"json", "one document", &schedule_json},
    ScheduleFormat{"goal", "costs too, for LogGOPSim"},
};

}  // namespace ppsim
