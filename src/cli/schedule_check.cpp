#include <fmt/format.h>

#include "cli/command.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/explore/run/check.hpp"
#include "ppsim/output/schedule/schedule_list.hpp"
#include "text/quantity.hpp"

namespace ppsim::cli {
namespace {

struct ScheduleCheckArguments {
  ConfigArguments config;
  bool json = false;
};

std::string verdict(const ScheduleCheck& check) {
  const Report& report = *check.report;
  std::string line =
      fmt::format("ok: {} ranks, {} stages, {} micro-batches, {} ops: each once, in order, no deadlock",
                  report.ranks, report.stages, report.micro_batches, check.schedule.ops.size());
  if (report.gpu_memory) {
    line += fmt::format("; memory {} of {}", format_bytes(report.peak_memory()),
                        format_bytes(*report.gpu_memory));
  }
  return line + "\n";
}

int check(const ScheduleCheckArguments& arguments) {
  const std::string& path = arguments.config.path;
  const bool bare_file = path.ends_with(".csv");
  if (bare_file && !arguments.config.overrides().empty()) {
    throw Error(path, "a bare schedule file has no config to override");
  }
  const ScheduleCheck result =
      bare_file ? check_schedule_file(path) : check_schedule(arguments.config.load());
  for (const std::string& line : result.notes) note(line);
  if (arguments.json) {
    print(faults_json(result.faults));
  } else if (result.faults.empty()) {
    print(verdict(result));
  } else {
    for (const Fault& fault : result.faults) print(to_string(fault) + "\n");
    print(fmt::format("{} fault{}\n", result.faults.size(), result.faults.size() == 1 ? "" : "s"));
  }
  return result.faults.empty() ? 0 : 1;
}

}  // namespace

Command add_schedule_check(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand(
      "check", "Check a schedule: each op once, dependencies, deadlock, memory; CONFIG, or a bare FILE.csv");
  const auto arguments = std::make_shared<ScheduleCheckArguments>();
  arguments->config.declare(*app);
  add_switch(*app, "--json", arguments->json, "Print the faults as JSON");
  return {app, [arguments] { return check(*arguments); }};
}

}  // namespace ppsim::cli
