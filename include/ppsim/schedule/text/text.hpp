// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Text form of a schedule: PyTorch pipelining's action grammar, one row a rank, one cell an action.
///
///     action := stage kind micro-batch        0F3  2B0  1I4  1W4  0EVICT2  0LOAD2
///               and with communication        0SEND_F3  1RECV_F3  1SEND_B3  0RECV_B3
///             | stage kind                    0UNSHARD  0RESHARD  0REDUCE_GRAD
///     pair   := (action;action)OVERLAP_F_B    (0F7;7B3)OVERLAP_F_B
///
/// Bidirectional schedules (our extension) prefix the stage with its direction, d0F3, u0F3, u0SEND_F3, and
/// number micro-batches within it.
#pragma once

#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ppsim/core/error.hpp"
#include "ppsim/core/op.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// One action: "0F3", or "d0F3" in a bidirectional schedule.
[[nodiscard]] std::string to_text(const Schedule& schedule, Op op);

/// "0SEND_F3", "0UNSHARD".
[[nodiscard]] std::string to_text(const Schedule& schedule, const CommAction& action);

/// All rows, compute ops only, "\n" behind each row.
[[nodiscard]] std::string to_csv(const Schedule& schedule);

/// All rows, each with the communication that its program has, in place.
[[nodiscard]] std::string to_comms_csv(const Schedule& schedule);

/// What reading a file gave.
struct ParsedSchedule {
  Schedule schedule;
  /// Lines that the user should see, each once: an old file whose B was read as I; cells whose cost is not
  /// modelled.
  std::vector<std::string> notes;
};

/// Reads a file of compute ops (F, I, B, W, EVICT, LOAD, pairs), with communication or without; blank cells
/// are dropped. The placement and the number of micro-batches are inferred from the ops. `file` names it in
/// errors. A file whose ops are nothing but F is forward only; its token loop, if it has one, shows in what
/// stage 0 receives: the lowest such micro-batch is `requests`, where M is a multiple of it. Without that
/// `requests` stays 0, and whoever knows the number of requests sets it. Throws Error (where: "FILE, row 2,
/// cell 17") at the first cell that is not an action, at a stage in two rows, at communication of a stage or
/// micro-batch that has no op, where a stage stands in no row, or where the numbers are far beyond what the
/// file has actions for. Whether the order is legal, and whether a micro-batch is missing, is check_order's
/// business; whether the communication is complete, check_communication's (schedule/lowering.hpp).
[[nodiscard]] ParsedSchedule parse_csv(std::string_view text, std::string_view file);

/// The same, but appends every such fault to `faults`, cell by cell, and gives nothing where there is one.
[[nodiscard]] std::optional<ParsedSchedule> parse_csv(std::string_view text, std::string_view file,
                                                      std::vector<Fault>& faults);

}  // namespace ppsim
