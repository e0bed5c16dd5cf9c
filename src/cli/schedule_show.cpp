#include <fmt/format.h>

#include <optional>

#include "cli/command.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/explore/run/run.hpp"
#include "ppsim/output/picture/timeline_svg.hpp"
#include "ppsim/output/picture/timeline_text.hpp"
#include "ppsim/output/schedule/rank_program.hpp"
#include "text/files.hpp"

namespace ppsim::cli {
namespace {

struct ScheduleShowArguments {
  ConfigArguments config;
  std::string svg;
  std::optional<std::uint32_t> rank;
  std::optional<std::size_t> width;
};

// Narrower than this, a row holds its label and nothing to see.
constexpr std::size_t kMinimumWidth = 40;

int show_timeline(const ScheduleShowArguments& arguments) {
  const Config config = arguments.config.load();
  check_outputs({arguments.svg}, {config.path, config.schedule.file.value_or("")});
  if (arguments.rank && *arguments.rank >= config.parallelism.pipeline) {
    throw Error("--rank", fmt::format("there is no rank {}, expected 0 to {}", *arguments.rank,
                                      config.parallelism.pipeline - 1));
  }
  Plan plan = make_plan(config);
  for (const std::string& line : plan.notes) note(line);
  const Run result = run(config, std::move(plan));
  if (!arguments.svg.empty())
    write_file(arguments.svg, timeline_svg(result.graph, result.timeline, result.report));
  if (arguments.rank) {
    print(rank_program(result.graph, result.report, Rank{*arguments.rank}));
  } else {
    print(timeline_text(result.graph, result.timeline, arguments.width.value_or(terminal_width()),
                        color_wanted()));
  }
  return 0;
}

}  // namespace

Command add_schedule_show(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand("show", "Draw a schedule in the terminal, a row a rank");
  const auto arguments = std::make_shared<ScheduleShowArguments>();
  arguments->config.declare(*app);
  add_output(*app, "--svg", arguments->svg, "Draw the timeline into a file too");
  app->add_option("--rank", arguments->rank, "Print what one rank does, as a program")->type_name("R");
  app->add_option("--width", arguments->width, "Columns to draw in (default: the terminal's)")
      ->check(CLI::Range(kMinimumWidth, std::size_t{100'000}))
      ->type_name("COLUMNS");
  return {app, [arguments] { return show_timeline(*arguments); }};
}

}  // namespace ppsim::cli
