#include "run_output.hpp"

#include "ppsim/io/files.hpp"
#include "ppsim/io/report_text.hpp"
#include "ppsim/io/timeline_files.hpp"

namespace ppsim::cli {

void RunOutputs::declare(CLI::App& app) {
  add_output(app, "--trace", trace, "Write a Chrome trace (.json or .json.gz)");
  add_output(app, "--svg", svg, "Draw the timeline");
  add_switch(app, "--json", json, "Print the report as JSON and nothing else");
}

void write_run(const RunOutputs& outputs, const Config& config, const Run& run, const RunsReport* runs,
               bool color) {
  print(outputs.json ? report_json(run.report, config, runs) : report_table(run.report, config, color, runs));
  if (!outputs.trace.empty())
    write_file(outputs.trace, chrome_trace(run.graph, run.timeline, run.memory, run.report));
  if (!outputs.svg.empty()) write_file(outputs.svg, timeline_svg(run.graph, run.timeline, run.report));
}

}  // namespace ppsim::cli
