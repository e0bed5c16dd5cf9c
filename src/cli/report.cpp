#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/run_output.hpp"
#include "explore/run/measured.hpp"
#include "ppsim/input/timeline/timeline_reader.hpp"

namespace ppsim::cli {
namespace {

struct ReportArguments {
  ConfigArguments config;
  std::string timeline;
  RunOutputs outputs;
};

std::vector<std::string> notes_on(const std::string& path, std::size_t steps) {
  if (steps == 1) return {fmt::format("times are those of {}", path)};
  return {fmt::format("times are those of {}, its median step of {}", path, steps)};
}

int report(const ReportArguments& arguments) {
  const Config config = arguments.config.load();
  check_outputs({arguments.outputs.first_trace(), arguments.outputs.svg},
                {config.path, config.schedule.file.value_or(""), arguments.timeline});
  Plan plan = make_plan(config);
  for (const std::string& line : plan.notes) note(line);
  OpGraph graph = make_graph(config, plan);
  std::vector<Timeline> steps = read_timeline(arguments.timeline, graph);
  const auto notes = notes_on(arguments.timeline, steps.size());
  const MeasuredRun measured = measure_steps(std::move(plan), std::move(graph), std::move(steps), notes);
  write_run(arguments.outputs, config, measured.run, measured.steps ? &*measured.steps : nullptr);
  return 0;
}

}  // namespace

Command add_report(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand("report", "Report the figures of a timeline, measured or simulated");
  const auto arguments = std::make_shared<ReportArguments>();
  app->add_option("TIMELINE", arguments->timeline, "CSV of simulate --timeline or replay -o")->required();
  arguments->config.declare_overrides(*app);
  app->add_option("--config", arguments->config.path, "JSON config of the run that it is of")
      ->required()
      ->type_name("CONFIG");
  arguments->outputs.declare(*app);
  return {app, [arguments] { return report(*arguments); }};
}

}  // namespace ppsim::cli
