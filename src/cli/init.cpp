#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "cli/command.hpp"
#include "cli/presets.hpp"
#include "ppsim/core/error.hpp"
#include "text/files.hpp"

namespace ppsim::cli {
namespace {

struct InitArguments {
  std::string preset = "seed_4x8";
  std::string output;
  bool list = false;
  bool force = false;
};

const Preset& find_preset(const std::string& name) {
  const auto all = presets();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Preset& preset) { return preset.name == name; });
  if (found != all.end()) return *found;
  std::vector<std::string_view> names;
  for (const Preset& preset : all) names.push_back(preset.name);
  throw Error("PRESET",
              fmt::format("there is no preset \"{}\", expected one of {}", name, fmt::join(names, ", ")));
}

std::string list_text() {
  std::string out;
  for (const Preset& preset : presets()) out += fmt::format("{:<22}{}\n", preset.name, preset.description);
  return out;
}

int init(const InitArguments& arguments) {
  if (arguments.list) {
    print(list_text());
    return 0;
  }
  const Preset& preset = find_preset(arguments.preset);
  if (arguments.output.empty()) {
    print(preset.text);
    return 0;
  }
  if (std::filesystem::exists(arguments.output) && !arguments.force) {
    throw Error(arguments.output, "exists already; --force replaces it");
  }
  write_file(arguments.output, preset.text);
  return 0;
}

}  // namespace

Command add_init(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand("init", "Write a config to start from, all sections in one file");
  const auto arguments = std::make_shared<InitArguments>();
  app->add_option("PRESET", arguments->preset, "Which one; --list shows them")->capture_default_str();
  add_output(*app, "-o,--output", arguments->output, "Write to a file instead of stdout");
  add_switch(*app, "--force", arguments->force, "Replace a file that is there");
  add_switch(*app, "--list", arguments->list, "List the presets");
  return {app, [arguments] { return init(*arguments); }};
}

}  // namespace ppsim::cli
