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

void check_outputs(const Arguments& arguments) {
  for (const std::string* path : {&arguments.trace, &arguments.timeline, &arguments.svg}) {
    if (!path->empty()) check_writable(*path);
  }
}

void write_outputs(const Arguments& arguments, const Config& config, const Run& run) {
  if (!arguments.trace.empty()) {
    write_file(arguments.trace, chrome_trace(run.graph, run.timeline, run.memory, run.report));
  }
  if (!arguments.timeline.empty()) write_file(arguments.timeline, timeline_csv(run.graph, run.timeline));
  if (!arguments.svg.empty()) write_file(arguments.svg, timeline_svg(run.graph, run.timeline, run.report));
  print(arguments.json ? report_json(run.report, config) : report_table(run.report, config, color_wanted()));
}

int simulate(const Arguments& arguments) {
  PhaseSeconds seconds;
  Stopwatch watch;
  check_outputs(arguments);
  const Config config = arguments.config.load();
  seconds.config = watch.lap();
  Plan plan = make_plan(config);
  seconds.schedule = watch.lap();
  if (!plan.note.empty()) note(plan.note);
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
  app->add_option("--trace", arguments->trace, "Write a Chrome trace (.json or .json.gz)")->type_name("FILE");
  app->add_option("--timeline", arguments->timeline, "Write the timeline as CSV (.csv or .csv.gz)")
      ->type_name("FILE");
  app->add_option("--svg", arguments->svg, "Draw the timeline")->type_name("FILE");
  app->add_flag("--json", arguments->json, "Print the report as JSON and nothing else");
  app->add_flag("--check-memory", arguments->check_memory,
                "Exit with 1 where a rank needs more memory than its GPU has");
  app->add_flag("--timing", arguments->timing, "Print the seconds of each phase on stderr, as one JSON line");
  return {app, [arguments] { return simulate(*arguments); }};
}

}  // namespace ppsim::cli
