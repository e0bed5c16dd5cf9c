/// Text form of a schedule: PyTorch pipelining's action grammar, one row a rank, one cell an action.
///
///     action := stage kind micro-batch        0F3  2B0  1I4  1W4  0EVICT2  0LOAD2
///     pair   := (action;action)OVERLAP_F_B    (0F7;7B3)OVERLAP_F_B
///
/// Bidirectional schedules (our extension) prefix the stage with its direction, d0F3, u0F3, and number
/// micro-batches within it.
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

/// All rows, compute ops only, "\n" behind each row.
[[nodiscard]] std::string to_csv(const Schedule& schedule);

/// What reading a file gave.
struct ParsedSchedule {
  Schedule schedule;
  std::string note;  ///< one line that the user should see, or empty: an old file whose B was read as I
};

/// Reads a compute-only file (F, I, B, W, EVICT, LOAD, pairs; blank cells are dropped). The placement is
/// inferred from the rows, the number of micro-batches from the largest index. `file` names it in errors. A
/// file with nothing but F is forward only; nothing in a file tells a token loop, so `requests` stays 0 and
/// whoever knows the number of requests sets it. Throws Error (where: "FILE, row 2, cell 17") at the first
/// cell that is not an action, at actions with communication (SEND, RECV, UNSHARD, ... : compute-only is
/// expected), at a stage in two rows, where a stage stands in no row, or where the numbers are far beyond
/// what the file has actions for. Whether the order is legal, and whether a micro-batch is missing, is
/// check_order's business.
[[nodiscard]] ParsedSchedule parse_csv(std::string_view text, std::string_view file);

/// The same, but appends every such fault to `faults`, cell by cell, and gives nothing where there is one.
[[nodiscard]] std::optional<ParsedSchedule> parse_csv(std::string_view text, std::string_view file,
                                                      std::vector<Fault>& faults);

}  // namespace ppsim
