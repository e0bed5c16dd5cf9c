#include <fmt/format.h>

#include <optional>

#include "cli/command.hpp"
#include "cli/run_output.hpp"
#include "core/stopwatch.hpp"
#include "ppsim/explore/run/run.hpp"
#include "ppsim/explore/run/runs.hpp"
#include "ppsim/output/trace/timeline_csv.hpp"
#include "text/files.hpp"

namespace ppsim::cli {
namespace {

// What each came to is kept until all are sorted.
constexpr std::uint32_t kMostRuns = 10'000'000;

struct SimulateArguments {
  ConfigArguments config;
  RunOutputs outputs;
  std::string timeline;
  std::uint32_t runs = 0;  // 0: not asked for
  unsigned threads = 0;
  bool timing = false, check_memory = false;
};

std::string to_json(const PhaseSeconds& seconds) {
  return fmt::format(
      R"({{"config": {:.6f}, "schedule": {:.6f}, "graph": {:.6f}, "engine": {:.6f}, "metrics": {:.6f}, "output": {:.6f}}})",
      seconds.config, seconds.schedule, seconds.graph, seconds.engine, seconds.metrics, seconds.output);
}

void write_outputs(const SimulateArguments& arguments, const Config& config, const Run& run) {
  std::optional<RunsReport> runs;
  if (arguments.runs > 0) runs = run_many(config, run, arguments.runs, arguments.threads);
  write_run(arguments.outputs, config, run, runs ? &*runs : nullptr);
  if (!arguments.timeline.empty()) write_file(arguments.timeline, timeline_csv(run.graph, run.timeline));
}

int simulate(const SimulateArguments& arguments) {
  PhaseSeconds seconds;
  Stopwatch watch;
  const Config config = arguments.config.load();
  check_outputs({arguments.outputs.first_trace(), arguments.timeline, arguments.outputs.svg},
                {config.path, config.schedule.file.value_or("")});
  seconds.config = watch.lap();
  Plan plan = make_plan(config);
  seconds.schedule = watch.lap();
  for (const std::string& line : plan.notes) note(line);
  const Run result = run(config, std::move(plan), &seconds);
  watch.lap();
  write_outputs(arguments, config, result);
  seconds.output = watch.lap();
  if (arguments.timing) note(to_json(seconds));
  return arguments.check_memory && !result.report.fits() ? 1 : 0;
}

}  // namespace

Command add_simulate(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand("simulate", "Run one schedule on a config and report its figures");
  const auto arguments = std::make_shared<SimulateArguments>();
  arguments->config.declare(*app);
  arguments->outputs.declare(*app);
  add_output(*app, "--timeline", arguments->timeline, "Write the timeline as CSV (.csv or .csv.gz)");
  auto* runs = app->add_option("--runs", arguments->runs,
                               "Simulate the step so often, each time with jitter of its own, and say "
                               "how its time is spread")
                   ->check(CLI::Range(1U, kMostRuns))
                   ->type_name("N");
  add_threads(*app, arguments->threads)->needs(runs);
  add_switch(*app, "--check-memory", arguments->check_memory,
             "Exit with 1 where a rank needs more memory than its GPU has");
  add_switch(*app, "--timing", arguments->timing,
             "Print the seconds of each phase on stderr, as one JSON line");
  return {app, [arguments] { return simulate(*arguments); }};
}

}  // namespace ppsim::cli
