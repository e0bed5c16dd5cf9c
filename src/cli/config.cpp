#include "cli/command.hpp"
#include "ppsim/output/config/config_listing.hpp"

namespace ppsim::cli {

Command add_config(CLI::App& parent) {
  struct Arguments {
    ConfigArguments config;
    bool json = false;
  };
  CLI::App* app =
      parent.add_subcommand("config", "Print the resolved config: every value and where it came from");
  const auto arguments = std::make_shared<Arguments>();
  arguments->config.declare(*app);
  add_switch(*app, "--json", arguments->json, "Print the resolved document and its origins as JSON");
  return {app, [arguments] {
            const Config config = arguments->config.load();
            print(arguments->json ? config_json(config) : config_table(config));
            return 0;
          }};
}

}  // namespace ppsim::cli
