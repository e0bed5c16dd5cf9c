// From a document to values.
#include "ppsim/input/config/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>

#include "input/config/config_document.hpp"
#include "input/config/config_limits.hpp"
#include "input/config/config_noise.hpp"
#include "input/config/config_reader.hpp"
#include "input/config/config_sections.hpp"
#include "input/config/memory_limit.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {

namespace {

InputKind kind_of(const ObjectReader& root) {
  if (!root.has("costs")) return InputKind::Model;
  return root.has("cluster") ? InputKind::CostsOnCluster : InputKind::Costs;
}

WorkloadInput read_costs_input(const ObjectReader& root) {
  for (const char* key : {"model", "training"})
    if (root.has(key)) throw root.error(key, "has no meaning with \"costs\"; leave it out");
  std::optional<Cluster> cluster;
  if (root.has("cluster")) cluster = read_cluster(root.object("cluster"), InputKind::CostsOnCluster);
  return read_costs(root.object("costs"), std::move(cluster));
}

WorkloadInput read_input(Document& document, const ObjectReader& root) {
  if (root.has("costs")) return read_costs_input(root);
  if (!root.has("cluster") && !root.has("model"))
    throw root.error("missing sections \"cluster\" and \"model\", or \"costs\" instead");
  Cluster cluster = read_cluster(root.object("cluster"), InputKind::Model);
  Model model_read = read_model(root.object("model"));
  if (!root.has("training")) document.set_default(root.at("training"), Json::object());
  return ModelInput{std::move(cluster), std::move(model_read), read_training(root.object("training"))};
}

constexpr auto kMostInteger = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

// "1.5p", a number, which means the same, or bytes.
MemoryLimit read_limit(const ObjectReader& section, const std::string& key) {
  const Json& value = section.value(key);
  if (!value.is_number())
    return parse_memory_limit(section.text(key), section.document().where(section.at(key)));
  if (value.get<double>() > 0) return {value.get<double>(), {}};
  throw section.error(
      key, fmt::format("{}; expected a number above 0, the same followed by \"p\", or bytes", shown(value)));
}

OptionValue read_option(const ObjectReader& section, const std::string& key, const ScheduleInfo& schedule) {
  const bool is_limit =
      std::any_of(schedule.options.begin(), schedule.options.end(), [&](const auto& option) {
        return option.name == key && std::holds_alternative<MemoryLimit>(option.default_value);
      });
  if (is_limit) return read_limit(section, key);
  const Json& value = section.value(key);
  if (value.is_string()) return value.get<std::string>();
  const bool too_large = value.is_number_unsigned() && value.get<std::uint64_t>() > kMostInteger;
  if (value.is_number_integer() && !too_large) return value.get<std::int64_t>();
  throw section.error(key, fmt::format("{}; expected a whole number or text", shown(value)));
}

// Every other key of the section is an option.
bool is_schedule_key(std::string_view key) {
  return key == "name" || key == "file" || key == "description" || key == "$schema";
}

Json to_json(const OptionValue& value) {
  const auto* integer = std::get_if<std::int64_t>(&value);
  return integer != nullptr ? Json(*integer) : Json(to_text(value));
}

// Options are checked here, so that a fault names the file; a default that the shape decides is not a value
// to write down.
void read_options(Document& document, const ObjectReader& section, ScheduleChoice& choice) {
  const ScheduleInfo& info = find_schedule(choice.name, document.where(section.at("name")));
  for (const auto& [key, value] : section.self().items()) {
    if (!is_schedule_key(key)) choice.options[key] = read_option(section, key, info);
  }
  const auto complete = [&] {
    try {
      return complete_options(info, choice.options);
    } catch (const Error& error) {
      throw Error(document.where(error.fault().where), error.fault().what);
    }
  }();
  for (const OptionSpec& option : info.options) {
    if (choice.options.contains(option.name) || !option.default_text.empty()) continue;
    document.set_default(section.at(option.name), to_json(complete.at(option.name)));
  }
}

// What a file cannot say of itself: its numbers count slices, or the micro-batches of several steps.
void read_file_options(const ObjectReader& section, ScheduleChoice& choice) {
  for (const auto& [key, value] : section.self().items()) {
    if (is_schedule_key(key)) continue;
    if (key != "slices" && key != "steps")
      throw section.error(key, "unknown key; a schedule from a file has no options but slices and steps");
    choice.options[key] = section.count<std::int64_t>(key, {1, 1'000'000});
  }
}

ScheduleChoice read_schedule(Document& document, const ObjectReader& section) {
  ScheduleChoice choice;
  if (section.has("name") == section.has("file")) throw section.error("expected either \"name\" or \"file\"");
  if (section.has("name")) {
    choice.name = section.text("name");
    read_options(document, section, choice);
  } else {
    read_file_options(section, choice);
    choice.file = document.beside(section.at("file"), section.text("file"));
    document.at(section.at("file")) = document.from_document(*choice.file);
  }
  return choice;
}

// Streams that only sends in the program have.
ProgramStreams read_streams(const ObjectReader& section, Communication communication) {
  if (communication != Communication::Program) {
    for (const char* key : {"streams", "grouped"})
      if (section.has(key))
        throw section.error(key, "has a meaning only with communication \"program\"; leave it out");
    return {};
  }
  constexpr std::array<std::string_view, 2> kStreams{"rank", "pair"};
  return {static_cast<CommStreams>(section.choice("streams", kStreams, "rank")),
          section.flag("grouped", false)};
}

Simulation read_simulation(Document& document, const ObjectReader& root, const NamedPlaces& places) {
  if (!root.has("simulation")) document.set_default(root.at("simulation"), Json::object());
  const ObjectReader section = root.object("simulation");
  constexpr std::array<std::string_view, 3> kCommunication{"overlap", "blocking", "program"};
  const std::vector<std::string_view> contentions = contention_names();
  Simulation simulation;
  simulation.communication =
      static_cast<Communication>(section.choice("communication", kCommunication, "overlap"));
  simulation.streams = read_streams(section, simulation.communication);
  simulation.contention = Contention(contentions[section.choice("contention", contentions, "none")]);
  constexpr std::array<std::string_view, 2> kDetail{"folded", "full"};
  if (section.has("detail")) {
    if (root.has("costs"))
      throw section.error("detail", "has no meaning with \"costs\", which have no replicas; leave it out");
    simulation.detail = static_cast<Detail>(section.choice("detail", kDetail, "folded"));
  }
  if (!root.has("costs"))
    simulation.pair = read_pair(section);
  else if (section.has("overlapped_pair"))
    throw section.error("overlapped_pair", "belongs into \"costs\"");
  simulation.seed = section.count<std::uint64_t>("seed", {0, kMostInteger}, 0);
  if (section.has("noise")) simulation.noise = read_noise(document, section.object("noise"), places);
  return simulation;
}

// FNV-1a, 64 bits (Fowler, Noll, Vo): short, and no secret depends on it.
std::string hash_of(std::string_view text) {
  std::uint64_t hash = 14'695'981'039'346'656'037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
  return fmt::format("{:016x}", hash);
}

Config read_config(const std::string& path, std::span<const Override> overrides, const std::string& pointer) {
  Document document(path, pointer);
  for (const Override& override : overrides) document.apply(override);
  document.inline_sections();
  const ObjectReader root(document, Pointer(), kConfigKeys);
  Config config;
  config.path = path;
  config.input = read_input(document, root);
  const ObjectReader parallelism = root.object("parallelism");
  config.parallelism = read_parallelism(parallelism, kind_of(root));
  if (parallelism.has("virtual_stages")) config.virtual_stages = config.parallelism.virtual_stages;
  config.schedule = read_schedule(document, root.object("schedule"));
  const auto* costs = std::get_if<CostsInput>(&config.input);
  const bool reduces = costs == nullptr || !costs->gradient_reduction.empty();
  config.simulation =
      read_simulation(document, root, {config.parallelism.pipeline, cluster_of(config.input), reduces});
  if (const auto fault = find_excess(config)) throw Error(document.where(fault->where), fault->what);
  document.make_canonical();
  config.resolved = document.text();
  config.hash = hash_of(config.resolved);
  config.origins = document.origins();
  config.places = document.places();
  return config;
}

}  // namespace

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
