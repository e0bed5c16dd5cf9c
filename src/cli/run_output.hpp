// What commands that come to a run give out of it.
#pragma once

#include <string>

#include "cli/command.hpp"
#include "ppsim/explore/run/run.hpp"
#include "ppsim/metrics/runs.hpp"

namespace ppsim::cli {

/// Files to write; empty: not asked for.
struct RunOutputs {
  std::string trace, svg;
  std::string trace_style = "chrome";
  bool json = false;

  /// Declares --trace, --trace-style, --svg and --json.
  void declare(CLI::App& app);
  /// The file of the trace; of those of style kineto, which are one a rank, that of rank 0. Empty: none.
  [[nodiscard]] std::string first_trace() const;
};

/// Prints the report, `runs` with it where there are some, then writes the files: where stdout does not take
/// the report, nothing is written.
void write_run(const RunOutputs& outputs, const Config& config, const Run& run, const RunsReport* runs,
               bool color = color_wanted());

}  // namespace ppsim::cli
