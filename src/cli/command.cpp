#include "cli/command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "core/numbers.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/engine/contention.hpp"
#include "ppsim/explore/run/compare.hpp"
#include "text/files.hpp"

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
  std::error_code failure;
  const fs::path here = fs::current_path(failure);
  const fs::path folder = (here / config).lexically_normal().parent_path();
  return (here / file).lexically_normal().lexically_proximate(folder).string();
}

CLI::Validator finite_number(bool zero) {
  return CLI::Validator(
      [zero](const std::string& text) {
        const auto number = parse_number<double>(text);
        const bool fits = number && std::isfinite(*number);
        return fits && (*number > 0 || (zero && *number == 0))
                   ? std::string()
                   : fmt::format("is {}, expected a number above 0{}", text, zero ? ", or 0" : "");
      },
      "");
}

// "overlap, blocking or program"
std::string one_of(std::span<const std::string_view> names) {
  return fmt::format("{} or {}", fmt::join(names.first(names.size() - 1), ", "), names.back());
}

}  // namespace

CLI::Option* ConfigArguments::declare(CLI::App& app, bool with_schedule) {
  CLI::Option* config = app.add_option("CONFIG", path, "JSON config")->required();
  declare_overrides(app, with_schedule);
  return config;
}

void ConfigArguments::declare_overrides(CLI::App& app, bool with_schedule) {
  if (with_schedule)
    app.add_option("--schedule", schedule, "Run this schedule, or FILE.csv, instead of the config's")
        ->check(not_empty())
        ->type_name("NAME");
  declare_named(app, *this, "--micro-batches", "/parallelism/micro_batches", "Micro-batches a step");
  declare_named(app, *this, "--communication", "/simulation/communication",
                one_of(names_of<Communication>()));
  declare_named(app, *this, "--contention", "/simulation/contention", one_of(contention_names()));
  app.add_option("--set", set, "Put a value into the config: /json/pointer=value")
      ->allow_extra_args(false)  // one value each time, or it would swallow CONFIG
      ->type_name("/POINTER=VALUE");
}

std::vector<Override> ConfigArguments::overrides() const {
  std::vector<Override> result;
  if (schedule.ends_with(".csv")) {
    result = {{"/schedule", "{}", "--schedule"},
              {"/schedule/file", beside_config(schedule, path), "--schedule"}};
  } else if (!schedule.empty()) {
    result = choose_schedule(schedule, "--schedule");
  }
  for (const std::string& text : named) {
    result.push_back(parse_override(text));
    result.back().origin = "command line";
  }
  for (const std::string& text : set) result.push_back(parse_override(text));
  return result;
}

Config ConfigArguments::load() const {
  return load_noted(path, overrides());
}

void print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) throw Error("stdout", "cannot be written");
}

void note(std::string_view line) {
  std::string text(line);
  // A file name may hold a line break, a message may not.
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, '?');
  text += '\n';
  // Nobody is told where stderr itself is closed.
  (void)std::fwrite(text.data(), 1, text.size(), stderr);
}

void note_all(const std::vector<std::string>& lines) {
  for (auto line = lines.begin(); line != lines.end(); ++line)
    if (std::find(lines.begin(), line, *line) == line) note(*line);
}

Config load_noted(const std::string& path, const std::vector<Override>& overrides) {
  Config config = load_config(path, overrides);
  note_all(config.notes);
  return config;
}

CLI::Validator not_empty() {
  return CLI::Validator([](const std::string& text) { return text.empty() ? "is empty" : ""; }, "");
}

CLI::Validator whole_number() {
  return CLI::Validator(
      [](const std::string& text) {
        constexpr std::size_t kMostDigits = 18;
        const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
        return digits && text.size() <= kMostDigits
                   ? std::string()
                   : fmt::format("is {}, expected a whole number of at most {} digits", text, kMostDigits);
      },
      "");
}

CLI::Validator positive_number() {
  return finite_number(false);
}

CLI::Validator positive_number_or_zero() {
  return finite_number(true);
}

void add_output(CLI::App& app, const std::string& option, std::string& path, const std::string& help) {
  app.add_option(option, path, help)->check(not_empty())->type_name("FILE");
}

void add_switch(CLI::App& app, const std::string& option, bool& wanted, const std::string& help) {
  app.add_flag(option, wanted, help)->disable_flag_override();
}

CLI::Option* add_threads(CLI::App& app, unsigned& threads) {
  constexpr unsigned kMost = 1024;  // far more than help
  return app.add_option("--threads", threads, "Threads to run on; default: as many as the machine has")
      ->check(CLI::Range(1U, kMost))
      ->type_name("N");
}

void check_outputs(const std::vector<std::string>& outputs, const std::vector<std::string>& inputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].empty()) continue;
    check_writable(outputs[i]);
    std::vector<std::string> others = inputs;
    others.insert(others.end(), outputs.begin(), outputs.begin() + static_cast<std::ptrdiff_t>(i));
    for (const std::string& other : others) {
      std::error_code failure;
      const bool same =
          !other.empty() && fs::weakly_canonical(outputs[i], failure) == fs::weakly_canonical(other, failure);
      // A device takes what it is given, twice as well.
      if (same && !fs::is_other(outputs[i], failure))
        throw Error(outputs[i], "is read or written already, expected another file");
    }
  }
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
