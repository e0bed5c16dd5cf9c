/// A report as JSON and as tables for people.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ppsim/io/config.hpp"
#include "ppsim/metrics/report.hpp"

namespace ppsim {

/// The report: one JSON object, two-space indent, newline at the end. Keys are only ever
/// added.
[[nodiscard]] std::string report_json(const Report& report, const Config& config);

/// For a terminal: the figures, one row a rank, what does not fit named ("96 of 80 GiB"), the list of
/// assumptions. `color` allows ANSI colours.
[[nodiscard]] std::string report_table(const Report& report, const Config& config, bool color);

/// One row of a comparison: a run, or why there was none.
struct ComparisonRow {
  std::string label;  ///< as asked for: "naive:micro_batches=1"
  std::optional<Report> report;
  std::string reason;  ///< why there is no report
};

/// Side by side: step time, against the best, bubble, span bubble, tokens/s, MFU, peak activation and memory;
/// the best that fits is marked, "does not fit (257 of 80 GiB)" where memory does not.
[[nodiscard]] std::string comparison_table(const std::vector<ComparisonRow>& rows, const Config& config,
                                           bool color);
[[nodiscard]] std::string comparison_json(const std::vector<ComparisonRow>& rows, const Config& config);

}  // namespace ppsim
