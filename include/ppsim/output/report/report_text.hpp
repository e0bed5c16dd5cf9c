// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// A report as JSON and as tables for people.
#pragma once

#include <string>

#include "ppsim/input/config/config.hpp"
#include "ppsim/metrics/report.hpp"
#include "ppsim/metrics/runs.hpp"

namespace ppsim {

/// The report: one JSON object, two-space indent, newline at the end. Keys are only ever
/// added. With `runs` also what many of them came to, as "runs", or "measured_steps" of a replay.
[[nodiscard]] std::string report_json(const Report& report, const Config& config,
                                      const RunsReport* runs = nullptr);

/// For a terminal: the figures, one row a rank, what does not fit named ("96 of 80 GiB"), the list of
/// assumptions. `color` allows ANSI colours.
[[nodiscard]] std::string report_table(const Report& report, const Config& config, bool color,
                                       const RunsReport* runs = nullptr);

}  // namespace ppsim
