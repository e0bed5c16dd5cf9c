#include "explore/run/compare_runs.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <optional>

#include "cli/command.hpp"
#include "explore/run/measured.hpp"
#include "output/report/prediction_text.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/input/timeline/timeline_reader.hpp"
#include "ppsim/output/picture/timeline_svg.hpp"
#include "ppsim/output/shown_run.hpp"
#include "ppsim/output/trace/chrome_trace.hpp"
#include "text/files.hpp"

namespace ppsim::cli {
namespace {

struct CompareRunsArguments {
  ConfigArguments config;
  std::vector<std::string> timelines;  // [PREDICTED] MEASURED
  std::optional<double> max_error;     // percent
  std::string trace, svg;
  bool json = false;

  [[nodiscard]] const std::string& measured() const { return timelines.back(); }
  [[nodiscard]] std::string predicted() const { return timelines.size() > 1 ? timelines.front() : ""; }
};

Run make_prediction(const CompareRunsArguments& arguments, const Config& config) {
  Plan plan = make_plan(config);
  for (const std::string& line : plan.notes) note(line);
  if (arguments.predicted().empty()) return run(config, std::move(plan));
  OpGraph graph = make_graph(config, plan);
  std::vector<Timeline> steps = read_timeline(arguments.predicted(), graph);
  return measure_steps(std::move(plan), std::move(graph), std::move(steps), {}).run;
}

std::array<ShownRun, 2> both_runs(const RunComparison& comparison) {
  const auto part = [](const char* name, const Run& run) {
    return ShownRun{name, &run.graph, &run.timeline, &run.memory, &run.report};
  };
  return {part("predicted", comparison.predicted), part("measured", comparison.measured)};
}

void write_comparison(const CompareRunsArguments& arguments, const Config& config,
                      const RunComparison& comparison) {
  const PredictionSources sources{arguments.predicted().empty() ? "simulated" : arguments.predicted(),
                                  arguments.measured()};
  const OpGraph& graph = comparison.predicted.graph;
  print(arguments.json ? prediction_json(comparison.prediction, graph, config, sources)
                       : prediction_table(comparison.prediction, graph, sources));
  if (!arguments.trace.empty()) write_file(arguments.trace, chrome_trace(both_runs(comparison)));
  if (!arguments.svg.empty()) write_file(arguments.svg, timelines_svg(both_runs(comparison)));
}

// The gate: 1 where the step's error is beyond what is allowed.
int judge_step(const CompareRunsArguments& arguments, const Prediction& prediction) {
  if (!arguments.max_error) return 0;
  const std::optional<double> error = prediction.step_error();
  if (error && 100 * std::abs(*error) <= *arguments.max_error) return 0;
  note(fmt::format("ppsim: the step time is off by {}, expected at most {} %",
                   error ? fmt::format("{:+.2f} %", 100 * *error) : "all of it", *arguments.max_error));
  return 1;
}

int compare_runs(const CompareRunsArguments& arguments) {
  const Config config = arguments.config.load();
  check_outputs({arguments.trace, arguments.svg}, {config.path, config.schedule.file.value_or(""),
                                                   arguments.predicted(), arguments.measured()});
  Run predicted = make_prediction(arguments, config);
  std::vector<Timeline> steps = read_timeline(arguments.measured(), predicted.graph);
  const RunComparison comparison =
      compare_runs(config, std::move(predicted), std::move(steps), arguments.measured());
  write_comparison(arguments, config, comparison);
  return judge_step(arguments, comparison.prediction);
}

}  // namespace

Command add_compare_runs(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand("compare-runs", "Hold a predicted timeline against a measured one");
  const auto arguments = std::make_shared<CompareRunsArguments>();
  app->add_option("TIMELINES", arguments->timelines,
                  "[PREDICTED] MEASURED: CSVs of simulate --timeline or replay -o; PREDICTED left out: what "
                  "simulate says")
      ->required()
      ->expected(1, 2)
      ->type_name("");
  arguments->config.declare_overrides(*app);
  app->add_option("--config", arguments->config.path, "JSON config of the run that both are of")
      ->required()
      ->type_name("CONFIG");
  app->add_option("--max-error", arguments->max_error,
                  "Exit with 1 where the step time is off by more than so many percent")
      ->check(positive_number_or_zero())
      ->type_name("PERCENT");
  add_output(*app, "--trace", arguments->trace, "Write both as one Chrome trace (.json or .json.gz)");
  add_output(*app, "--svg", arguments->svg, "Draw both, one above the other");
  add_switch(*app, "--json", arguments->json, "Print the figures as JSON and nothing else");
  return {app, [arguments] { return compare_runs(*arguments); }};
}

}  // namespace ppsim::cli
