// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Several schedules on one config, side by side.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ppsim/input/config/config.hpp"
#include "ppsim/metrics/report.hpp"

namespace ppsim {

/// One run of a comparison: a schedule, and what it changes of the config.
struct ComparisonCase {
  std::string label;                ///< as asked for
  std::string schedule;             ///< registered name; empty: what the config itself runs, a file included
  std::vector<Override> overrides;  ///< keys of `parallelism`, options of the schedule
};

/// One row of a comparison: a run, or why there was none.
struct ComparisonRow {
  std::string label;  ///< as asked for: "naive:micro_batches=1"
  std::optional<Report> report;
  std::string reason;  ///< why there is no report
  /// What the row changes of the config, pointer and value, each as on the command line.
  std::vector<Override> varied{};
};

/// Another schedule in place of the config's: its whole section, since options of one mean nothing to
/// another.
[[nodiscard]] std::vector<Override> choose_schedule(std::string_view name, const std::string& origin);

/// Reads "gpipe" or "naive:micro_batches=1:micro_batch_size=512": a name, then keys of `parallelism` or
/// options of the schedule. Throws Error (where: "--schedules").
[[nodiscard]] ComparisonCase parse_case(std::string_view text);

/// Runs each case on the document `path` with `overrides`. A case that does not fit becomes a row with its
/// reason; a document that no schedule fits throws Error. Options in the config stay with the schedule that
/// it names. Looped schedules run V = virtual_stages, or 2 where that is 1 and the layers allow; the others
/// their own V; a case's own virtual_stages holds. The layers are divided anew where layers_per_stage is for
/// another number of stages.
[[nodiscard]] std::vector<ComparisonRow> compare(const std::string& path,
                                                 const std::vector<Override>& overrides,
                                                 const std::vector<ComparisonCase>& cases);

}  // namespace ppsim
