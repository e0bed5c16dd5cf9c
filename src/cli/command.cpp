#include "command.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "ppsim/core/error.hpp"
#include "ppsim/explore/compare.hpp"

namespace ppsim::cli {
namespace {

namespace fs = std::filesystem;

// An option that writes one value of the config.
void declare_named(CLI::App& app, ConfigArguments& arguments, const std::string& option,
                   const std::string& pointer, const std::string& help) {
  app.add_option_function<std::string>(
         option,
         [&arguments, pointer](const std::string& value) {
           arguments.named.push_back(pointer + "=" + value);
         },
         help)
      ->type_name("VALUE");
}

// A file given on the command line lies where the user stands; a config's files lie beside the config.
std::string beside_config(const std::string& file, const std::string& config) {
  const fs::path folder = fs::absolute(config).parent_path();
  return fs::absolute(file).lexically_normal().lexically_proximate(folder.lexically_normal()).string();
}

}  // namespace

void ConfigArguments::declare(CLI::App& app, bool with_schedule) {
  app.add_option("CONFIG", path, "JSON config")->required();
  if (with_schedule)
    app.add_option("--schedule", schedule, "Run this schedule, or FILE.csv, instead of the config's")
        ->type_name("NAME");
  declare_named(app, *this, "--micro-batches", "/parallelism/micro_batches", "Micro-batches a step");
  declare_named(app, *this, "--communication", "/simulation/communication", "overlap or blocking");
  declare_named(app, *this, "--contention", "/simulation/contention", "none or fifo");
  app.add_option("--set", set, "Put a value into the config: /json/pointer=value")
      ->allow_extra_args(false)  // one value each time, or it would swallow CONFIG
      ->type_name("/POINTER=VALUE");
}

std::vector<Override> ConfigArguments::overrides() const {
  std::vector<Override> result;
  if (schedule.ends_with(".csv")) {
    result.push_back({"/schedule", "{}", "--schedule"});
    result.push_back({"/schedule/file", beside_config(schedule, path), "--schedule"});
  } else if (!schedule.empty()) {
    result.push_back(choose_schedule(schedule, "--schedule"));
  }
  for (const std::string& text : named) {
    result.push_back(parse_override(text));
    result.back().origin = "command line";
  }
  for (const std::string& text : set) result.push_back(parse_override(text));
  return result;
}

Config ConfigArguments::load() const {
  return load_config(path, overrides());
}

void print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) throw Error("stdout", "cannot be written");
}

void note(std::string_view line) {
  fmt::print(stderr, "{}\n", line);
}

bool color_wanted() {
  const char* no_color = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) != 0 && (no_color == nullptr || *no_color == '\0');
}

std::size_t terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* columns = std::getenv("COLUMNS");
  const int width = columns == nullptr ? 0 : std::atoi(columns);
  return width > 0 ? static_cast<std::size_t>(width) : 120;
}

}  // namespace ppsim::cli
