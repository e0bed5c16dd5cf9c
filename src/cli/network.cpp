#include "ppsim/explore/network.hpp"
#include "command.hpp"
#include "ppsim/io/network_text.hpp"

namespace ppsim::cli {

Command add_network(CLI::App& parent) {
  struct Arguments {
    ConfigArguments config;
    bool json = false;
  };
  CLI::App* app = parent.add_subcommand(
      "network", "Show the links, who sends what over which of them, and who shares them, without a run");
  const auto arguments = std::make_shared<Arguments>();
  arguments->config.declare(*app);
  add_switch(*app, "--json", arguments->json, "Print the tables as JSON and nothing else");
  return {app, [arguments] {
            const Config config = arguments->config.load();
            const NetworkDescription network = describe_network(config);
            print(arguments->json ? network_json(network, config) : network_tables(network));
            return 0;
          }};
}

}  // namespace ppsim::cli
