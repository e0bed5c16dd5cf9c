#include "explore/trace/import_trace.hpp"

#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/run_output.hpp"
#include "explore/run/measured.hpp"
#include "input/timeline/kineto_reader.hpp"
#include "output/report/activity_text.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/output/trace/timeline_csv.hpp"
#include "text/files.hpp"

namespace ppsim::cli {
namespace {

struct ImportTraceArguments {
  ConfigArguments config;  // its path is empty where none is given
  std::vector<std::string> traces;
  std::string timeline;
  RunOutputs outputs;
};

std::vector<GpuTrace> read_traces(const std::vector<std::string>& paths) {
  std::vector<GpuTrace> traces;
  for (const std::string& path : paths) traces.push_back(read_kineto(path));
  return sort_by_rank(std::move(traces));
}

// Without a config: only where each GPU's time went.
int show_activity(const ImportTraceArguments& arguments) {
  const std::vector<GpuTrace> traces = read_traces(arguments.traces);
  std::vector<GpuActivity> activities;
  for (const GpuTrace& trace : traces) activities.push_back(measure_activity(trace));
  print(arguments.outputs.json ? activity_json(traces, activities) : activity_table(traces, activities));
  return 0;
}

int import_run(const ImportTraceArguments& arguments) {
  const Config config = arguments.config.load();
  std::vector<std::string> inputs = arguments.traces;
  inputs.insert(inputs.end(), {config.path, config.schedule.file.value_or("")});
  check_outputs({arguments.timeline, arguments.outputs.first_trace(), arguments.outputs.svg}, inputs);
  Plan plan = make_plan(config);
  for (const std::string& line : plan.notes) note(line);
  OpGraph graph = make_graph(config, plan);
  ImportedTrace imported = import_traces(graph, plan.schedule, read_traces(arguments.traces));
  const std::string csv = timeline_csv(graph, imported.steps);
  const MeasuredRun measured =
      measure_steps(std::move(plan), std::move(graph), std::move(imported.steps), imported.notes);
  write_run(arguments.outputs, config, measured.run, measured.steps ? &*measured.steps : nullptr);
  if (!arguments.timeline.empty()) write_file(arguments.timeline, csv);
  return 0;
}

}  // namespace

Command add_import_trace(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand(
      "import-trace", "Read traces of PyTorch's profiler, a file a rank, as a measured timeline");
  const auto arguments = std::make_shared<ImportTraceArguments>();
  app->add_option("TRACES", arguments->traces,
                  "JSON of torch.profiler, one file a pipeline rank (.json, .json.gz)")
      ->required()
      ->check(not_empty())
      ->type_name("FILE");
  CLI::Option* config = app->add_option("--config", arguments->config.path,
                                        "JSON config of the run that they are of; left out: only how much of "
                                        "its time each GPU had work")
                            ->check(not_empty())
                            ->type_name("CONFIG");
  arguments->config.declare_overrides(*app);
  app->add_option("-o,--output", arguments->timeline, "Write the timeline as CSV (.csv or .csv.gz)")
      ->check(not_empty())
      ->type_name("FILE");
  arguments->outputs.declare(*app);
  for (const char* option : {"-o", "--trace", "--svg", "--schedule", "--micro-batches", "--communication",
                             "--contention", "--set"})
    app->get_option(option)->needs(config);
  return {app, [arguments] {
            return arguments->config.path.empty() ? show_activity(*arguments) : import_run(*arguments);
          }};
}

}  // namespace ppsim::cli
