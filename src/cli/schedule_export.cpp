#include <fmt/format.h>

#include <algorithm>

#include "cli/command.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/explore/run/run.hpp"
#include "ppsim/output/schedule/schedule_files.hpp"
#include "ppsim/schedule/lowering.hpp"
#include "ppsim/schedule/text/text.hpp"
#include "text/files.hpp"

namespace ppsim::cli {
namespace {

struct ScheduleExportArguments {
  ConfigArguments config;
  std::string format = "csv";
  std::vector<std::string> passes;
  std::string output;

  [[nodiscard]] bool has_pass(std::string_view pass) const {
    return std::find(passes.begin(), passes.end(), pass) != passes.end();
  }
};

// Sends and receives of a file stay as they are.
Schedule lowered(const ScheduleExportArguments& arguments, Schedule schedule) {
  if (arguments.has_pass("merge_bw")) schedule = merge_backward(schedule);
  if (arguments.has_pass("unshard")) schedule = add_unshards(schedule);
  if (arguments.has_pass("reduce_grad")) schedule = add_reductions(schedule);
  return has_sends_or_receives(schedule) ? schedule : add_sends_and_receives(schedule);
}

// The programs as PyTorch's runtime takes them. A pass knows no file: what it refuses is the schedule's
// fault.
std::string comms_csv(const ScheduleExportArguments& arguments, const Config& config, Schedule schedule) {
  const std::string where = config.schedule.file.value_or(locate(config, "/schedule"));
  try {
    return to_comms_csv(lowered(arguments, std::move(schedule)));
  } catch (const DeadlockError& deadlock) {
    throw DeadlockError(where, deadlock.cycle());
  } catch (const Error& error) {
    throw Error(where, error.fault().what);
  }
}

// The run tells a deadlock; how links are shared is for whoever reads the file to say.
std::string goal_of(Config config, Plan plan) {
  config.simulation.contention = Contention("none");
  const Run result = run(config, std::move(plan));
  std::string text = goal(result.graph);
  if (links_differ(result.graph))
    note("GOAL has one latency and bandwidth for all links; those of this config differ");
  return text;
}

std::string text_of(const ScheduleExportArguments& arguments, const Config& config, Plan plan) {
  if (arguments.format == "csv-comms") return comms_csv(arguments, config, std::move(plan.schedule));
  if (arguments.format == "goal") return goal_of(config, std::move(plan));
  const auto* format = std::find_if(kScheduleFormats.begin(), kScheduleFormats.end(),
                                    [&](const ScheduleFormat& one) { return one.name == arguments.format; });
  PPSIM_ASSERT(format != kScheduleFormats.end() && format->text_of != nullptr, "no such format");
  return format->text_of(plan.schedule);
}

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const ScheduleFormat& format : kScheduleFormats) names.emplace_back(format.name);
  return names;
}

// "csv: compute ops, in PyTorch's grammar; csv-comms: ..."
std::string format_help() {
  std::string help;
  for (const ScheduleFormat& format : kScheduleFormats)
    help += fmt::format("{}{}: {}", help.empty() ? "" : "; ", format.name, format.help);
  return help;
}

int export_schedule(const ScheduleExportArguments& arguments) {
  if (!arguments.passes.empty() && arguments.format != "csv-comms") {
    throw Error("--passes", fmt::format("is for --format csv-comms, not {}", arguments.format));
  }
  const Config config = arguments.config.load();
  check_outputs({arguments.output}, {config.path, config.schedule.file.value_or("")});
  Plan plan = make_plan(config);
  for (const std::string& line : plan.notes) note(line);
  const std::string text = text_of(arguments, config, std::move(plan));
  if (arguments.output.empty()) {
    print(text);
  } else {
    write_file(arguments.output, text);
  }
  return 0;
}

}  // namespace

Command add_schedule_export(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand("export", "Write a schedule as a file");
  const auto arguments = std::make_shared<ScheduleExportArguments>();
  arguments->config.declare(*app);
  app->add_option("--format", arguments->format, format_help())
      ->check(CLI::IsMember(format_names()))
      ->capture_default_str();
  app->add_option("--passes", arguments->passes,
                  "csv-comms: also merge_bw (I and its W become B), unshard, reduce_grad; run in this order")
      ->delimiter(',')
      ->allow_extra_args(false)  // one list each time, or it would swallow CONFIG
      ->check(CLI::IsMember({"merge_bw", "unshard", "reduce_grad"}))
      ->type_name("PASS,...");
  add_output(*app, "-o,--output", arguments->output, "Write to a file instead of stdout");
  return {app, [arguments] { return export_schedule(*arguments); }};
}

}  // namespace ppsim::cli
