// From a document to values.
#include "ppsim/input/config/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "input/config/changed_defaults.hpp"
#include "input/config/config_document.hpp"
#include "input/config/config_hash.hpp"
#include "input/config/config_limits.hpp"
#include "input/config/config_reader.hpp"
#include "input/config/config_sections.hpp"
#include "input/config/schema_rules.hpp"
#include "input/config/tables.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {

namespace {

std::span<const std::string_view> known_versions() {
  return default_history().versions;
}
void read_version(const ObjectReader& section, const Field& field, Config& /*the defaults are offered*/) {
  (void)section.choice(field.name, known_versions());
}

constexpr auto kConfigRows =
    row::rows<Config>(row::kSchema, row::kDescription,
                      row::custom<Config, &read_version>({.name = "ppsim",
                                                          .type = ValueType::Choice,
                                                          .choices = &known_versions,
                                                          .absent = Absent::none("the newest"),
                                                          .help = "Version of ppsim whose defaults hold",
                                                          .hashed = false}),
                      Field{.name = "cluster",
                            .kind = KeyKind::Section,
                            .table = &kClusterFields,
                            .absent = Absent::none(""),
                            .help = "Where a model runs; with costs, in place of their link"},
                      Field{.name = "model",
                            .kind = KeyKind::Section,
                            .table = &kModelFields,
                            .absent = Absent::none(""),
                            .help = "What is trained or served",
                            .scope = kWithModel},
                      Field{.name = "costs",
                            .kind = KeyKind::Section,
                            .table = &kCostsFields,
                            .absent = Absent::none(""),
                            .help = "Costs of stages, in place of a model"},
                      Field{.name = "parallelism",
                            .kind = KeyKind::Section,
                            .table = &kParallelismFields,
                            .help = "How the model is spread over the GPUs"},
                      Field{.name = "training",
                            .kind = KeyKind::Section,
                            .table = &kTrainingFields,
                            .absent = Absent::empty(),
                            .help = "What training keeps beside the model, and in which types",
                            .scope = kWithModel},
                      Field{.name = "schedule",
                            .kind = KeyKind::Section,
                            .table = &kScheduleFields,
                            .help = "A schedule by name, with its options beside it, or read from a file"},
                      Field{.name = "simulation",
                            .kind = KeyKind::Section,
                            .table = &kSimulationFields,
                            .absent = Absent::empty(),
                            .help = "How the run is simulated"});

// Keys of `parallelism` that have a meaning in that scope alone.
Json refuse_scope(const KeyScope& scope) {
  Json keys = Json::array();
  for (const Field& field : kParallelismFields.fields)
    if (field.scope.bit == scope.bit) keys.push_back(rule::given(field.name));
  return {{"properties", {{"parallelism", {{"not", {{"type", "object"}, {"anyOf", keys}}}}}}}};
}

Json config_rules() {
  const Json object = {{"type", "object"}};
  const Json link = {{"properties", {{"costs", {{"not", rule::all({object, rule::given("link")})}}}}}};
  const Json with_gpu = rule::all({object, rule::given("gpu")});
  const Json path = {{"not", object}};
  const Json costs =
      rule::all({rule::none({rule::given("model"), rule::given("training")}), refuse_scope(kWithModel),
                 rule::where(rule::given("cluster"), link, refuse_scope(kOnCluster))});
  const Json model = rule::all({rule::given("cluster"),
                                rule::given("model"),
                                {{"properties", {{"cluster", rule::any({with_gpu, path})}}}}});
  return rule::where(rule::given("costs"), costs, model);
}

InputKind kind_of(const ObjectReader& root) {
  if (!root.has("costs")) return InputKind::Model;
  return root.has("cluster") ? InputKind::CostsOnCluster : InputKind::Costs;
}

WorkloadInput read_costs_input(const ObjectReader& root) {
  std::optional<Cluster> cluster;
  if (root.has("cluster")) cluster = read_cluster(root.object("cluster"), InputKind::CostsOnCluster);
  return read_costs(root.object("costs"), std::move(cluster));
}

WorkloadInput read_input(const ObjectReader& root) {
  if (root.has("costs")) return read_costs_input(root);
  if (!root.has("cluster") && !root.has("model"))
    throw root.error("missing sections \"cluster\" and \"model\", or \"costs\" instead");
  Cluster cluster = read_cluster(root.object("cluster"), InputKind::Model);
  Model model_read = read_model(root.object("model"));
  return ModelInput{std::move(cluster), std::move(model_read), read_training(root.object("training"))};
}

Config read_config(const std::string& path, std::span<const Override> overrides, const std::string& pointer) {
  Document document(path, pointer);
  for (const Override& override : overrides) document.apply(override);
  document.inline_sections();
  offer_software_defaults(document);
  offer_old_defaults(document, default_history());
  const ObjectReader root(document, Pointer(), kConfigFields);
  const InputKind kind = kind_of(root);
  Config config;
  read_fields(root, kConfigFields, &config, kind == InputKind::Model ? kWithModel.bit : 0);
  config.path = path;
  config.input = read_input(root);
  const ObjectReader parallelism = root.object("parallelism");
  config.parallelism = read_parallelism(parallelism, kind);
  if (parallelism.has("virtual_stages")) config.virtual_stages = config.parallelism.virtual_stages;
  config.schedule = read_schedule(root.object("schedule"));
  const auto* costs = std::get_if<CostsInput>(&config.input);
  const bool reduces = costs == nullptr || !costs->gradient_reduction.empty();
  config.simulation = read_simulation(root.object("simulation"), kind,
                                      {config.parallelism.pipeline, cluster_of(config.input), reduces});
  if (const auto fault = find_excess(config)) throw Error(document.where(fault->where), fault->what);
  document.make_canonical();
  config.resolved = compact(document.root());
  config.hash = config_hash(document);
  config.origins = document.origins();
  config.places = document.places();
  config.notes = document.notes();
  if (std::string note = changed_defaults_note(document, default_history()); !note.empty())
    config.notes.push_back(std::move(note));
  return config;
}

}  // namespace

constinit const FieldTable kConfigFields{kConfigRows, false, "A ppsim config", &config_rules};

Override parse_override(std::string_view text) {
  const auto equals = text.find('=');
  if (!text.starts_with('/') || equals == std::string_view::npos)
    throw Error("--set", fmt::format("{}; expected /pointer=value, such as /schedule/name=gpipe", text));
  constexpr std::ptrdiff_t kDeepest = 64;  // as in a document
  if (std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(equals), '/') > kDeepest)
    throw Error("--set", fmt::format("a pointer of more than {} keys", kDeepest));
  return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

Config load_config(const std::string& path, std::span<const Override> overrides, const std::string& pointer) {
  try {
    return read_config(path, overrides, pointer);
  } catch (const Error& error) {
    throw Error(one_line(error.fault().where), one_line(error.fault().what));
  }
}

}  // namespace ppsim
