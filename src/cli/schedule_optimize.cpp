#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "command.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/explore/optimize.hpp"
#include "ppsim/io/files.hpp"
#include "ppsim/io/quantity.hpp"
#include "ppsim/schedule/text.hpp"

namespace ppsim::cli {
namespace {

struct Arguments {
  ConfigArguments config;
  std::string output, memory_limit;
  std::string objective = "makespan";
  std::string backward = "split";
  OptimizeOptions options;
  bool json = false;
};

// "1.5p" or "1.5": times P micro-batches; else bytes.
MemoryLimit parse_limit(std::string_view text) {
  constexpr std::string_view kWhere = "--memory-limit";
  const std::string_view number = text.ends_with('p') ? text.substr(0, text.size() - 1) : text;
  double times = 0;
  const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), times);
  if (failure != std::errc{} || end != number.data() + number.size()) return {0, parse_bytes(text, kWhere)};
  if (!(times > 0) || !std::isfinite(times))
    throw Error(std::string(kWhere),
                fmt::format("is {}, expected a number above 0, such as 1.5p, or bytes", text));
  return {times, {}};
}

OptimizeOptions options_of(const Arguments& arguments) {
  OptimizeOptions options = arguments.options;
  options.split = arguments.backward == "split";
  options.objective = arguments.objective == "span" ? OrderObjective::Span : OrderObjective::Makespan;
  if (!arguments.memory_limit.empty()) options.limit = parse_limit(arguments.memory_limit);
  return options;
}

int optimize(const Arguments& arguments) {
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

void declare(CLI::App& app, Arguments& arguments) {
  arguments.config.declare(app);
  add_output(app, "-o,--output", arguments.output, "Write the order as a schedule file (CSV)");
  app.add_option("--objective", arguments.objective,
                 "makespan: first start to last finish; span: the longest of a rank's own")
      ->check(CLI::IsMember({"makespan", "span"}))
      ->capture_default_str();
  app.add_option("--backward", arguments.backward, "split: in I and W; whole: one op")
      ->check(CLI::IsMember({"split", "whole"}))
      ->capture_default_str();
  app.add_option(
         "--memory-limit", arguments.memory_limit,
         "Activations that a rank may hold: bytes, or 1.5p for 1.5 x P micro-batches (1p is what 1F1B "
         "keeps on its first rank). Default: what weights and optimizer leave of the GPU's memory")
      ->check(not_empty())
      ->type_name("LIMIT");
  app.add_option("--nodes", arguments.options.nodes, "Most nodes of the exact search; 0: heuristics only")
      ->capture_default_str();
  app.add_option("--budget", arguments.options.seconds,
                 "Most seconds of local and exact search; the result then depends on the machine")
      ->check(CLI::PositiveNumber)
      ->type_name("SECONDS");
  app.add_option("--seed", arguments.options.seed, "Seed of the local search")->capture_default_str();
  add_switch(app, "--json", arguments.json, "Print the result as JSON and nothing else");
}

}  // namespace

Command add_schedule_optimize(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand(
      "optimize", "Find the best order for the config's costs, placement and a memory limit");
  const auto arguments = std::make_shared<Arguments>();
  declare(*app, *arguments);
  return {app, [arguments] { return optimize(*arguments); }};
}

}  // namespace ppsim::cli
