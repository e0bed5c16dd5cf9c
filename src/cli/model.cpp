#include "cli/command.hpp"
#include "ppsim/explore/run/describe.hpp"
#include "ppsim/output/report/model_text.hpp"

namespace ppsim::cli {

Command add_model(CLI::App& parent) {
  struct Arguments {
    ConfigArguments config;
    bool json = false;
  };
  CLI::App* app = parent.add_subcommand(
      "model", "Show where the time and memory of each stage go, operator by operator, without a run");
  const auto arguments = std::make_shared<Arguments>();
  arguments->config.declare(*app);
  add_switch(*app, "--json", arguments->json, "Print the tables as JSON and nothing else");
  return {app, [arguments] {
            const Config config = arguments->config.load();
            const ModelDescription model = describe_model(config);
            print(arguments->json ? model_json(model.tables, model.workload, config)
                                  : model_table(model.tables, model.workload));
            return 0;
          }};
}

}  // namespace ppsim::cli
