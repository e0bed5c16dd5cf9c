#include <fmt/format.h>

#include "cli/command.hpp"
#include "input/config/memory_limit.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/explore/order/optimize.hpp"
#include "ppsim/output/report/optimization_text.hpp"
#include "ppsim/schedule/text/text.hpp"
#include "text/files.hpp"
#include "text/quantity.hpp"

namespace ppsim::cli {
namespace {

struct ScheduleOptimizeArguments {
  ConfigArguments config;
  std::string output, memory_limit;
  std::string objective = "makespan";
  std::string backward = "split";
  OptimizeOptions options;
  bool json = false;
};

OptimizeOptions options_of(const ScheduleOptimizeArguments& arguments) {
  OptimizeOptions options = arguments.options;
  options.split = arguments.backward == "split";
  options.objective = from_name<OrderObjective>(arguments.objective).value_or(OrderObjective::Makespan);
  if (!arguments.memory_limit.empty())
    options.limit = parse_memory_limit(arguments.memory_limit, "--memory-limit");
  return options;
}

int optimize(const ScheduleOptimizeArguments& arguments) {
  const OptimizeOptions options = options_of(arguments);
  const Config config = arguments.config.load();
  check_outputs({arguments.output}, {config.path, config.schedule.file.value_or("")});
  const Optimization result = ppsim::optimize(config, options);
  print(arguments.json ? optimization_json(result, config)
                       : optimization_table(result, config, color_wanted()));
  if (!arguments.output.empty()) {
    write_file(arguments.output, to_csv(result.schedule));
  } else if (!arguments.json) {
    note("-o FILE.csv writes the order; simulate --schedule FILE.csv runs it");
  }
  return 0;
}

void declare(CLI::App& app, ScheduleOptimizeArguments& arguments) {
  arguments.config.declare(app);
  add_output(app, "-o,--output", arguments.output, "Write the order as a schedule file (CSV)");
  app.add_option("--objective", arguments.objective,
                 "makespan: first start to last finish; span: the longest of a rank's own")
      ->check(CLI::IsMember(
          {std::string(name(OrderObjective::Makespan)), std::string(name(OrderObjective::Span))}))
      ->capture_default_str();
  app.add_option("--backward", arguments.backward, "split: in I and W; whole: one op")
      ->check(CLI::IsMember({"split", "whole"}))
      ->capture_default_str();
  app.add_option("--memory-limit", arguments.memory_limit,
                 "Activations that a rank may hold: bytes such as \"8 GiB\", or 1.5p for 1.5 x P "
                 "micro-batches (1p is what 1F1B "
                 "keeps on its first rank). Default: what the rest leaves of the GPU's memory")
      ->check(not_empty())
      ->type_name("LIMIT");
  app.add_option("--nodes", arguments.options.nodes, "Most nodes of the exact search; 0: heuristics only")
      ->check(whole_number())
      ->capture_default_str();
  app.add_option("--budget", arguments.options.seconds,
                 "Most seconds; what is under way then ends soon. The result depends on the machine")
      ->check(positive_number())
      ->type_name("SECONDS");
  app.add_option("--seed", arguments.options.seed, "Seed of the local search")
      ->check(whole_number())
      ->capture_default_str();
  add_switch(app, "--json", arguments.json, "Print the result as JSON and nothing else");
}

}  // namespace

Command add_schedule_optimize(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand(
      "optimize", "Find the best order for the config's costs, placement and a memory limit");
  const auto arguments = std::make_shared<ScheduleOptimizeArguments>();
  declare(*app, *arguments);
  return {app, [arguments] { return optimize(*arguments); }};
}

}  // namespace ppsim::cli
