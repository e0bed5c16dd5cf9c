#include "command.hpp"
#include "ppsim/explore/run.hpp"
#include "ppsim/io/files.hpp"
#include "ppsim/schedule/text.hpp"

namespace ppsim::cli {

Command add_schedule_export(CLI::App& parent) {
  struct Arguments {
    ConfigArguments config;
    std::string format = "csv";
    std::string output;
  };
  CLI::App* app = parent.add_subcommand("export", "Write a schedule's order as a file, one row a rank");
  const auto arguments = std::make_shared<Arguments>();
  arguments->config.declare(*app);
  app->add_option("--format", arguments->format, "csv: compute ops, in PyTorch's grammar")
      ->check(CLI::IsMember({"csv"}))
      ->capture_default_str();
  add_output(*app, "-o,--output", arguments->output, "Write to a file instead of stdout");
  return {app, [arguments] {
            const Config config = arguments->config.load();
            check_outputs({arguments->output}, {config.path, config.schedule.file.value_or("")});
            const Plan plan = make_plan(config);
            if (!plan.note.empty()) note(plan.note);
            const std::string text = to_csv(plan.schedule);
            if (arguments->output.empty()) {
              print(text);
            } else {
              write_file(arguments->output, text);
            }
            return 0;
          }};
}

}  // namespace ppsim::cli
