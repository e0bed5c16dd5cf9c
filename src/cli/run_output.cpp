#include "cli/run_output.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "output/trace/kineto_writer.hpp"
#include "ppsim/output/picture/timeline_svg.hpp"
#include "ppsim/output/report/report_text.hpp"
#include "ppsim/output/trace/chrome_trace.hpp"
#include "text/files.hpp"

namespace ppsim::cli {
namespace {

// "step.json.gz" of rank 2: "step.rank2.json.gz"; HTA and TensorBoard want a file a rank.
std::string file_of_rank(const std::string& path, std::size_t rank) {
  const std::size_t name = path.find_last_of('/') + 1;  // npos + 1 is 0
  const std::size_t suffix = std::min(path.find(".json", name), path.size());
  return fmt::format("{}.rank{}{}", path.substr(0, suffix), rank, path.substr(suffix));
}

void write_kineto(const std::string& path, const Run& run) {
  for (std::uint32_t rank = 0; rank < run.graph.rank_count(); ++rank) {
    write_file(file_of_rank(path, rank),
               kineto_trace(run.graph, run.timeline, run.plan.schedule, Rank{rank}));
  }
}

}  // namespace

std::string RunOutputs::first_trace() const {
  return trace_style == "chrome" || trace.empty() ? trace : file_of_rank(trace, 0);
}

void RunOutputs::declare(CLI::App& app) {
  add_output(app, "--trace", trace, "Write a Chrome trace (.json or .json.gz)");
  app.add_option(
         "--trace-style", trace_style,
         "chrome: one file; kineto: as PyTorch's profiler writes them, a file a rank (FILE.rank0.json)")
      ->check(CLI::IsMember({"chrome", "kineto"}))
      ->needs("--trace")
      ->type_name("NAME");
  add_output(app, "--svg", svg, "Draw the timeline");
  add_switch(app, "--json", json, "Print the report as JSON and nothing else");
}

void write_run(const RunOutputs& outputs, const Config& config, const Run& run, const RunsReport* runs,
               bool color) {
  print(outputs.json ? report_json(run.report, config, runs) : report_table(run.report, config, color, runs));
  if (outputs.trace_style == "kineto") {
    write_kineto(outputs.trace, run);
  } else if (!outputs.trace.empty()) {
    write_file(outputs.trace, chrome_trace(run.graph, run.timeline, run.memory, run.report));
  }
  if (!outputs.svg.empty()) write_file(outputs.svg, timeline_svg(run.graph, run.timeline, run.report));
}

}  // namespace ppsim::cli
