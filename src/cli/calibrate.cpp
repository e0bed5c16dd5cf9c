#include "explore/calibrate/calibrate.hpp"

#include <fmt/format.h>

#include "cli/command.hpp"
#include "output/config/calibrated_config.hpp"
#include "output/report/calibration_text.hpp"
#include "ppsim/core/error.hpp"
#include "text/files.hpp"

namespace ppsim::cli {
namespace {

struct CalibrateArguments {
  std::vector<std::string> timelines, configs;
  std::string output;
  bool json = false;
};

// One config for all, or one each.
std::vector<MeasuredFile> load_files(const CalibrateArguments& arguments) {
  const std::size_t files = arguments.timelines.size(), configs = arguments.configs.size();
  if (configs != 1 && configs != files)
    throw Error("--config", fmt::format("{} configs for {} timelines; expected one for all, or one each",
                                        configs, files));
  std::vector<MeasuredFile> list;
  std::vector<std::string> notes;
  for (std::size_t i = 0; i < files; ++i) {
    list.push_back({arguments.timelines[i], load_config(arguments.configs[configs == 1 ? 0 : i])});
    const std::vector<std::string>& own = list.back().config.notes;
    notes.insert(notes.end(), own.begin(), own.end());
  }
  note_all(notes);
  return list;
}

int calibrate_command(const CalibrateArguments& arguments) {
  const std::vector<MeasuredFile> files = load_files(arguments);
  std::vector<std::string> inputs = arguments.timelines;
  for (const MeasuredFile& file : files) {
    inputs.push_back(file.config.path);
    inputs.push_back(file.config.schedule.file.value_or(""));
  }
  check_outputs({arguments.output}, inputs);
  const Calibration result = calibrate(files);
  const std::string config = calibrated_config(result.config, result.report, result.source, arguments.output);
  print(arguments.json ? calibration_json(result.report) : calibration_table(result.report));
  write_file(arguments.output, config);
  return 0;
}

}  // namespace

Command add_calibrate(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand(
      "calibrate", "Fit costs, links and jitter to measured timelines, and write them as a config");
  const auto arguments = std::make_shared<CalibrateArguments>();
  app->add_option("TIMELINE", arguments->timelines, "CSVs of replay -o; all of one machine")->required();
  app->add_option("--config", arguments->configs,
                  "JSON config of the run that each is of, in order; one serves all")
      ->required()
      ->allow_extra_args(false)
      ->type_name("CONFIG");
  app->add_option("-o,--output", arguments->output,
                  "Write the first config with what was fitted in it, for simulate, compare, ...")
      ->required()
      ->check(not_empty())
      ->type_name("FILE");
  add_switch(*app, "--json", arguments->json, "Print the fits and residuals as JSON and nothing else");
  return {app, [arguments] { return calibrate_command(*arguments); }};
}

}  // namespace ppsim::cli
