#include "ppsim/explore/run/compare.hpp"

#include "cli/command.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/explore/run/vary.hpp"
#include "ppsim/output/report/comparison.hpp"
#include "ppsim/output/report/report_text.hpp"
#include "ppsim/schedule/registry.hpp"

namespace ppsim::cli {
namespace {

struct CompareArguments {
  ConfigArguments config;
  std::vector<std::string> schedules;
  std::vector<std::string> vary;
  unsigned threads = 0;
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

// Left out: with --vary the config's own schedule, else all.
std::vector<ComparisonCase> asked_cases(const CompareArguments& arguments, const Config& config) {
  if (!arguments.schedules.empty()) return make_cases(arguments.schedules, config);
  return arguments.vary.empty() ? make_cases({"all"}, config) : std::vector{own_case()};
}

std::vector<ComparisonRow> make_rows(const CompareArguments& arguments, const Config& config) {
  const auto overrides = arguments.config.overrides();
  const auto cases = asked_cases(arguments, config);
  if (arguments.vary.empty()) return ppsim::compare(arguments.config.path, overrides, cases);
  std::vector<Variation> variations;
  for (const std::string& text : arguments.vary) variations.push_back(parse_variation(text));
  return compare_varied(arguments.config.path, overrides, variations, cases, arguments.threads);
}

int compare(const CompareArguments& arguments) {
  const Config config = arguments.config.load();
  const auto rows = make_rows(arguments, config);
  print(arguments.json ? comparison_json(rows, config) : comparison_table(rows, config, color_wanted()));
  return 0;
}

}  // namespace

Command add_compare(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand("compare", "Several schedules on one config, side by side");
  const auto arguments = std::make_shared<CompareArguments>();
  arguments->config.declare(*app, false);
  app->add_option("--schedules", arguments->schedules,
                  "Schedules, by comma: all (the default), or NAME[:KEY=VALUE...] with keys of parallelism "
                  "(micro_batches, "
                  "micro_batch_size, virtual_stages, recompute) or options of the schedule")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("NAMES");
  auto* vary =
      app->add_option("--vary", arguments->vary,
                      "A row for each of these values, and with several --vary for each combination; of the "
                      "config's own schedule, unless --schedules says more")
          ->allow_extra_args(false)
          ->type_name("/POINTER=V1,V2...");
  add_threads(*app, arguments->threads)->needs(vary);
  add_switch(*app, "--json", arguments->json, "Print the rows as JSON and nothing else");
  return {app, [arguments] { return compare(*arguments); }};
}

}  // namespace ppsim::cli
