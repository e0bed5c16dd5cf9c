#include "cli/command.hpp"
#include "output/config/config_schema.hpp"
#include "output/config/key_reference.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/output/config/config_listing.hpp"

namespace ppsim::cli {
namespace {

struct ConfigCommandArguments {
  ConfigArguments config;
  std::string section, schema;
  bool keys = false, json = false, pin = false;
};

int show_config(const ConfigCommandArguments& arguments) {
  const auto& [config_arguments, section, schema, keys, json, pin] = arguments;
  if (!schema.empty()) {
    print(config_schema(schema));
  } else if (keys) {
    print(json ? key_reference_json(section) : key_reference(section));
  } else {
    const Config config = config_arguments.load();
    print(pin ? pinned_config(config) : json ? config_json(config) : config_table(config));
  }
  return 0;
}

}  // namespace

Command add_config(CLI::App& parent) {
  CLI::App* app =
      parent.add_subcommand("config", "Print the resolved config: every value and where it came from");
  const auto arguments = std::make_shared<ConfigCommandArguments>();
  CLI::Option* config = arguments->config.declare(*app);
  CLI::Option* keys =
      app->add_option(
             "--keys", arguments->section,
             "Print what each key of a section means, its type and its default; all sections by default")
          ->expected(0, 1)
          ->type_name("[SECTION]");
  CLI::Option* schema =
      app->add_option("--schema", arguments->schema, "Print the JSON Schema of a section, or of \"config\"")
          ->check(not_empty())
          ->type_name("NAME");
  add_switch(*app, "--pin", arguments->pin,
             "Print the config with every default written out, as a config to keep");
  add_switch(*app, "--json", arguments->json,
             "Print the resolved document and its origins, or the keys, as JSON");
  config->required(false);
  app->callback([=] {
    arguments->keys = keys->count() > 0;
    if (config->count() == 0 && !arguments->keys && schema->count() == 0) throw CLI::RequiredError("CONFIG");
  });
  return {app, [arguments] { return show_config(*arguments); }};
}

}  // namespace ppsim::cli
