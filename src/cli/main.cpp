#include <fmt/format.h>

#include <filesystem>
#include <new>
#include <sstream>
#include <vector>

#include "cli/command.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/core/version.hpp"

namespace ppsim::cli {
namespace {

constexpr int kDone = 0;
constexpr int kAnswerIsNo = 1;
constexpr int kUsage = 2;
constexpr int kInternal = 3;

std::vector<Command> add_commands(CLI::App& app) {
  std::vector<Command> commands = {add_simulate(app),      add_compare(app),      add_model(app),
                                   add_network(app),       add_replay(app),       add_report(app),
                                   add_bench_cluster(app), add_compare_runs(app), add_import_trace(app),
                                   add_validate(app),      add_fit(app),          add_calibrate(app)};
  CLI::App* schedule = app.add_subcommand("schedule", "List, show, check, export and optimize schedules");
  schedule->require_subcommand(1);
  for (const auto add : {add_schedule_list, add_schedule_show, add_schedule_check, add_schedule_export,
                         add_schedule_optimize}) {
    commands.push_back(add(*schedule));
  }
  for (Command& command : add_import(app)) commands.push_back(std::move(command));
  commands.push_back(add_config(app));
  commands.push_back(add_init(app));
  return commands;
}

int run(int argc, char** argv) {
  CLI::App app("ppsim: simulator of pipeline-parallel schedules and their bubbles", "ppsim");
  app.set_version_flag("--version", "ppsim " + std::string(version()));
  app.require_subcommand(1);
  const std::vector<Command> commands = add_commands(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    std::ostringstream text;
    app.exit(help_or_version, text, text);
    print(text.str());
    return kDone;
  } catch (const CLI::ParseError& error) {
    note(fmt::format("ppsim: {} (see ppsim --help)", error.what()));
    return kUsage;
  }
  for (const Command& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return kUsage;
}

// The one place where errors become exit codes.
int guarded_run(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const DeadlockError& error) {
    note(fmt::format("ppsim: {}", error.what()));
    return kAnswerIsNo;
  } catch (const Error& error) {
    note(fmt::format("ppsim: {}", error.what()));
    return kUsage;
  } catch (const std::filesystem::filesystem_error& error) {
    note(fmt::format("ppsim: {}", error.what()));
    return kUsage;
  } catch (const std::bad_alloc&) {
    note("ppsim: not enough memory for a run of this size");
    return kUsage;
  } catch (const std::exception& error) {
    note(fmt::format("ppsim: {}", error.what()));
    return kInternal;
  }
}

}  // namespace
}  // namespace ppsim::cli

int main(int argc, char** argv) {
  return ppsim::cli::guarded_run(argc, argv);
}
