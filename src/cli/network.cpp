#include "cli/command.hpp"
#include "ppsim/explore/run/describe.hpp"
#include "ppsim/explore/run/run.hpp"
#include "ppsim/output/report/traffic_text.hpp"

namespace ppsim::cli {
namespace {

struct NetworkArguments {
  ConfigArguments config;
  bool json = false;
};

// Alone is what the costs say; under load is what sharing makes of it.
int show_network(const NetworkArguments& arguments) {
  Config config = arguments.config.load();
  config.simulation.contention = Contention("fair");
  config.simulation.detail = Detail::Folded;
  Plan plan = make_plan(config);
  for (const std::string& line : plan.notes) note(line);
  const auto stages = describe_collectives(config, plan);
  const Run result = run(config, std::move(plan));
  const StepTraffic traffic =
      measure_traffic(result.plan.schedule, result.plan.workload, result.graph, result.timeline);
  print(arguments.json ? traffic_json(traffic, stages, config) : traffic_table(traffic, stages, config));
  return 0;
}

}  // namespace

Command add_network(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand(
      "network",
      "Show links, transfers and collectives of a step: who shares what, and the time of each alone and "
      "under load");
  const auto arguments = std::make_shared<NetworkArguments>();
  arguments->config.declare(*app);
  add_switch(*app, "--json", arguments->json, "Print the tables as JSON and nothing else");
  return {app, [arguments] { return show_network(*arguments); }};
}

}  // namespace ppsim::cli
