#include <fmt/format.h>

#include "command.hpp"
#include "ppsim/core/stopwatch.hpp"
#include "ppsim/explore/run.hpp"
#include "ppsim/io/files.hpp"
#include "ppsim/io/report_text.hpp"
#include "ppsim/io/timeline_files.hpp"

namespace ppsim::cli {
namespace {

struct Arguments {
  ConfigArguments config;
  std::string trace, timeline, svg;
  bool json = false, timing = false, check_memory = false;
};

std::string to_json(const PhaseSeconds& seconds) {
  return fmt::format(
      R"({{"config": {:.6f}, "schedule": {:.6f}, "graph": {:.6f}, "engine": {:.6f}, "metrics": {:.6f}, "output": {:.6f}}})",
      seconds.config, seconds.schedule, seconds.graph, seconds.engine, seconds.metrics, seconds.output);
}

// The report first: where stdout does not take it, nothing is written.
void write_outputs(const Arguments& arguments, const Config& config, const Run& run) {
  print(arguments.json ? report_json(run.report, config) : report_table(run.report, config, color_wanted()));
  if (!arguments.trace.empty()) {
    write_file(arguments.trace, chrome_trace(run.graph, run.timeline, run.memory, run.report));
  }
  if (!arguments.timeline.empty()) write_file(arguments.timeline, timeline_csv(run.graph, run.timeline));
  if (!arguments.svg.empty()) write_file(arguments.svg, timeline_svg(run.graph, run.timeline, run.report));
}

int simulate(const Arguments& arguments) {
  PhaseSeconds seconds;
  Stopwatch watch;
  const Config config = arguments.config.load();
  check_outputs({arguments.trace, arguments.timeline, arguments.svg},
                {config.path, config.schedule.file.value_or("")});
  seconds.config = watch.lap();
  Plan plan = make_plan(config);
  seconds.schedule = watch.lap();
  for (const std::string& line : plan.notes) note(line);
  const Run result = run(config, std::move(plan), seconds);
  watch.lap();
  write_outputs(arguments, config, result);
  seconds.output = watch.lap();
  if (arguments.timing) note(to_json(seconds));
  return arguments.check_memory && !result.report.fits() ? 1 : 0;
}

}  // namespace

Command add_simulate(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand("simulate", "Run one schedule on a config and report its figures");
  const auto arguments = std::make_shared<Arguments>();
  arguments->config.declare(*app);
  add_output(*app, "--trace", arguments->trace, "Write a Chrome trace (.json or .json.gz)");
  add_output(*app, "--timeline", arguments->timeline, "Write the timeline as CSV (.csv or .csv.gz)");
  add_output(*app, "--svg", arguments->svg, "Draw the timeline");
  add_switch(*app, "--json", arguments->json, "Print the report as JSON and nothing else");
  add_switch(*app, "--check-memory", arguments->check_memory,
             "Exit with 1 where a rank needs more memory than its GPU has");
  add_switch(*app, "--timing", arguments->timing,
             "Print the seconds of each phase on stderr, as one JSON line");
  return {app, [arguments] { return simulate(*arguments); }};
}

}  // namespace ppsim::cli
