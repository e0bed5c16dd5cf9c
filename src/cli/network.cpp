#include "command.hpp"
#include "ppsim/explore/run.hpp"
#include "ppsim/io/traffic_text.hpp"

namespace ppsim::cli {
namespace {

// Alone is what the costs say; under load is what sharing makes of it.
Traffic traffic_of(Config& config) {
  config.simulation.contention = Contention::Fair;
  config.simulation.detail = Detail::Folded;
  PhaseSeconds unused;
  Plan plan = make_plan(config);
  for (const std::string& line : plan.notes) note(line);
  const Run result = run(config, std::move(plan), unused);
  return measure_traffic(result.plan.schedule, result.plan.workload, result.graph, result.timeline);
}

}  // namespace

Command add_network(CLI::App& parent) {
  struct Arguments {
    ConfigArguments config;
    bool json = false;
  };
  CLI::App* app = parent.add_subcommand(
      "network",
      "Show links, transfers and collectives of a step: who shares what, and the time of each alone and "
      "under load");
  const auto arguments = std::make_shared<Arguments>();
  arguments->config.declare(*app);
  add_switch(*app, "--json", arguments->json, "Print the tables as JSON and nothing else");
  return {app, [arguments] {
            Config config = arguments->config.load();
            const Traffic traffic = traffic_of(config);
            print(arguments->json ? traffic_json(traffic, config) : traffic_table(traffic, config));
            return 0;
          }};
}

}  // namespace ppsim::cli
