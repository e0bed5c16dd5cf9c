// What the subcommands share: how one is wired, the config on the command line, the terminal.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ppsim/input/config/config.hpp"

namespace ppsim::cli {

/// A subcommand and what it does; the result is the exit code: 0 done, 1 ran and the answer is no.
struct Command {
  CLI::App* app;
  std::function<int()> run;
};

// One file each, by the name of the command.
Command add_bench_cluster(CLI::App& parent);
Command add_simulate(CLI::App& parent);
Command add_calibrate(CLI::App& parent);
Command add_compare(CLI::App& parent);
Command add_compare_runs(CLI::App& parent);
Command add_config(CLI::App& parent);
Command add_fit(CLI::App& parent);
Command add_import_trace(CLI::App& parent);
Command add_init(CLI::App& parent);
Command add_model(CLI::App& parent);
Command add_network(CLI::App& parent);
Command add_replay(CLI::App& parent);
Command add_report(CLI::App& parent);
Command add_schedule_list(CLI::App& parent);
Command add_schedule_show(CLI::App& parent);
Command add_schedule_check(CLI::App& parent);
Command add_schedule_export(CLI::App& parent);
Command add_schedule_optimize(CLI::App& parent);
Command add_validate(CLI::App& parent);

/// One for each kind of file.
std::vector<Command> add_import(CLI::App& parent);

/// A config and the options that override it.
struct ConfigArguments {
  std::string path;
  std::string schedule;
  std::vector<std::string> named;  ///< "/pointer=value" of --micro-batches and the like
  std::vector<std::string> set;

  /// Declares CONFIG, which it returns, and the options. `with_schedule`: --schedule too.
  CLI::Option* declare(CLI::App& app, bool with_schedule = true);
  /// The options alone, where CONFIG is given in another way.
  void declare_overrides(CLI::App& app, bool with_schedule = true);

  /// In the order in which they apply: --schedule, the named options, then --set. Throws Error.
  [[nodiscard]] std::vector<Override> overrides() const;
  [[nodiscard]] Config load() const;
};

/// Writes all of it to stdout. Throws Error where stdout does not take it.
void print(std::string_view text);

/// Writes one line to stderr.
void note(std::string_view line);
/// Writes each of the lines, once.
void note_all(const std::vector<std::string>& lines);

/// The config of a file; what may be mended in the files goes to stderr.
[[nodiscard]] Config load_noted(const std::string& path, const std::vector<Override>& overrides = {});

/// For an option whose value may not be empty.
[[nodiscard]] CLI::Validator not_empty();

/// Digits alone, at most 18 of them: what CLI11 reads into an unsigned number it takes below zero and beyond.
[[nodiscard]] CLI::Validator whole_number();

/// Finite and above zero.
[[nodiscard]] CLI::Validator positive_number();
/// The same, or zero.
[[nodiscard]] CLI::Validator positive_number_or_zero();

/// Declares an option that names a file to write.
void add_output(CLI::App& app, const std::string& option, std::string& path, const std::string& help);

/// Declares an option without a value.
void add_switch(CLI::App& app, const std::string& option, bool& wanted, const std::string& help);

/// Declares --threads; left out, 0: as many as the machine has.
CLI::Option* add_threads(CLI::App& app, unsigned& threads);

/// Throws Error, before anything is run, where an output cannot be written, or is an input or another output.
/// Empty: not asked for.
void check_outputs(const std::vector<std::string>& outputs, const std::vector<std::string>& inputs);

/// True where stdout is a terminal and NO_COLOR is not set.
[[nodiscard]] bool color_wanted();

/// Columns of the terminal, $COLUMNS, or 120.
[[nodiscard]] std::size_t terminal_width();

}  // namespace ppsim::cli
