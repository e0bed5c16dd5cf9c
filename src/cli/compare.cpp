#include "ppsim/explore/compare.hpp"

#include "command.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/io/report_text.hpp"
#include "ppsim/schedule/registry.hpp"

namespace ppsim::cli {
namespace {

struct Arguments {
  ConfigArguments config;
  std::vector<std::string> schedules;
  bool json = false;
};

std::vector<ComparisonCase> make_cases(const std::vector<std::string>& names, const Config& config) {
  std::vector<ComparisonCase> cases;
  for (const std::string& name : names) {
    if (name != "all") {
      cases.push_back(parse_case(name));
      continue;
    }
    if (config.schedule.file) cases.push_back({*config.schedule.file, "", {}});
    for (const ScheduleInfo* info : all_schedules()) cases.push_back(parse_case(info->name));
  }
  return cases;
}

int compare(const Arguments& arguments) {
  const auto overrides = arguments.config.overrides();
  const Config config = arguments.config.load();
  const auto rows = ppsim::compare(arguments.config.path, overrides, make_cases(arguments.schedules, config));
  print(arguments.json ? comparison_json(rows, config) : comparison_table(rows, config, color_wanted()));
  return 0;
}

}  // namespace

Command add_compare(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand("compare", "Several schedules on one config, side by side");
  const auto arguments = std::make_shared<Arguments>();
  arguments->schedules = {"all"};
  arguments->config.declare(*app, false);
  app->add_option("--schedules", arguments->schedules,
                  "Schedules, by comma: all, or NAME[:KEY=VALUE...] with keys of parallelism (micro_batches, "
                  "micro_batch_size, virtual_stages, recompute) or options of the schedule")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("NAMES");
  add_switch(*app, "--json", arguments->json, "Print the rows as JSON and nothing else");
  return {app, [arguments] { return compare(*arguments); }};
}

}  // namespace ppsim::cli
