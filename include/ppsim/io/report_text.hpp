/// A report as JSON and as tables for people.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ppsim/io/config.hpp"
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

/// One row of a comparison: a run, or why there was none.
struct ComparisonRow {
  std::string label;  ///< as asked for: "naive:micro_batches=1"
  std::optional<Report> report;
  std::string reason;  ///< why there is no report
  /// What the row changes of the config, pointer and value, each as on the command line.
  std::vector<Override> varied{};
};

/// Side by side: step time, against the best, bubble, span bubble, tokens/s, MFU, the share of
/// tensor-parallel communication in busy time, peak activation and memory; the best that fits is marked,
/// "does not fit (257 of 80 GiB)" where memory does not.
[[nodiscard]] std::string comparison_table(const std::vector<ComparisonRow>& rows, const Config& config,
                                           bool color);
[[nodiscard]] std::string comparison_json(const std::vector<ComparisonRow>& rows, const Config& config);

}  // namespace ppsim
