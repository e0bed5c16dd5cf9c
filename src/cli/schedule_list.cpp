#include "ppsim/output/schedule/schedule_list.hpp"

#include "cli/command.hpp"
#include "ppsim/schedule/registry.hpp"

namespace ppsim::cli {

Command add_schedule_list(CLI::App& parent) {
  struct Arguments {
    bool verbose = false;
    bool json = false;
  };
  CLI::App* app = parent.add_subcommand("list", "The schedules there are, with their formulas and sources");
  const auto arguments = std::make_shared<Arguments>();
  add_switch(*app, "--verbose", arguments->verbose, "Show each schedule's options");
  add_switch(*app, "--json", arguments->json, "Print the list as JSON");
  return {app, [arguments] {
            const auto schedules = all_schedules();
            print(arguments->json ? schedule_list_json(schedules)
                                  : schedule_list_text(schedules, arguments->verbose));
            return 0;
          }};
}

}  // namespace ppsim::cli
