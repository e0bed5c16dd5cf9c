#include <fmt/format.h>

#include <optional>

#include "command.hpp"
#include "ppsim/core/stopwatch.hpp"
#include "ppsim/explore/run.hpp"
#include "ppsim/explore/runs.hpp"
#include "ppsim/io/files.hpp"
#include "ppsim/io/report_text.hpp"
#include "ppsim/io/timeline_files.hpp"

namespace ppsim::cli {
namespace {

// What each came to is kept until all are sorted.
constexpr std::uint32_t kMostRuns = 10'000'000;

struct Arguments {
  ConfigArguments config;
  std::string trace, timeline, svg;
  std::uint32_t runs = 0;  // 0: not asked for
  unsigned threads = 0;
  bool json = false, timing = false, check_memory = false;
};

std::string report_of(const Arguments& arguments, const Config& config, const Run& run) {
  std::optional<RunsReport> runs;
  if (arguments.runs > 0) runs = run_many(config, run, arguments.runs, arguments.threads);
  const RunsReport* many = runs ? &*runs : nullptr;
  return arguments.json ? report_json(run.report, config, many)
                        : report_table(run.report, config, color_wanted(), many);
}

std::string to_json(const PhaseSeconds& seconds) {
  return fmt::format(
      R"({{"config": {:.6f}, "schedule": {:.6f}, "graph": {:.6f}, "engine": {:.6f}, "metrics": {:.6f}, "output": {:.6f}}})",
      seconds.config, seconds.schedule, seconds.graph, seconds.engine, seconds.metrics, seconds.output);
}

// The report first: where stdout does not take it, nothing is written.
void write_outputs(const Arguments& arguments, const Config& config, const Run& run) {
  print(report_of(arguments, config, run));
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
  auto* runs = app->add_option("--runs", arguments->runs,
                               "Simulate the step so often, each time with jitter of its own, and say "
                               "how its time is spread")
                   ->check(CLI::Range(1U, kMostRuns))
                   ->type_name("N");
  add_threads(*app, arguments->threads)->needs(runs);
  add_switch(*app, "--json", arguments->json, "Print the report as JSON and nothing else");
  add_switch(*app, "--check-memory", arguments->check_memory,
             "Exit with 1 where a rank needs more memory than its GPU has");
  add_switch(*app, "--timing", arguments->timing,
             "Print the seconds of each phase on stderr, as one JSON line");
  return {app, [arguments] { return simulate(*arguments); }};
}

}  // namespace ppsim::cli
