#include "ppsim/io/fitted_cluster.hpp"

#include <fmt/format.h>

#include "config_document.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/io/quantity.hpp"

namespace ppsim {
namespace {

const Pointer kCluster("/cluster");

// The spec's config, on the cluster that is fitted.
Document open_config(const ValidationSpec& spec) {
  Document document(spec.path, "/config");
  if (spec.fit && !spec.fit->cluster.empty())
    document.apply({"/cluster", spec.fit->cluster, spec.path + "#/fit/cluster"});
  return document;
}

// Units by what they measure; their size in the units of quantity.hpp.
double in_unit(const std::string& text, const std::string& unit, const std::string& where) {
  if (unit.ends_with("/s") && !unit.starts_with("FLOP"))
    return static_cast<double>(parse_bandwidth(text, where).count()) /
           static_cast<double>(parse_bandwidth("1 " + unit, where).count());
  if (unit.ends_with("s"))
    return static_cast<double>(parse_time(text, where).count()) /
           static_cast<double>(parse_time("1 " + unit, where).count());
  return static_cast<double>(parse_bytes(text, where).count()) /
         static_cast<double>(parse_bytes("1 " + unit, where).count());
}

void take_out_notes(Json& section) {
  section.erase("$schema");
  for (auto& [key, value] : section.items())
    if (value.is_object()) take_out_notes(value);
}

}  // namespace

std::string fitted_cluster(const ValidationSpec& spec, std::span<const Override> values,
                           const std::string& note) {
  Document document = open_config(spec);
  for (const Override& value : values) document.apply(value);
  document.inline_sections();
  Json cluster = document.at(kCluster);
  take_out_notes(cluster);
  // A second fit says what the first one said.
  std::string source = cluster.value("source", "");
  source = source.substr(0, source.find(note.substr(0, note.find(' '))));
  cluster["source"] = (source.empty() || source.ends_with(' ') ? source : source + " ") + note;
  return cluster.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

double present_value(const ValidationSpec& spec, const ParameterRange& parameter) {
  Document document = open_config(spec);
  document.inline_sections();
  const Pointer pointer(parameter.pointer);
  const std::string where = document.where(pointer);
  Json value;
  try {
    value = document.at(kCluster).at(Pointer(parameter.pointer.substr(kCluster.to_string().size())));
  } catch (const Json::exception&) {
    throw Error(where, "nothing stands there; a parameter that is fitted needs a value to start from");
  }
  if (parameter.unit.empty() && value.is_number()) return value.get<double>();
  if (!parameter.unit.empty() && value.is_string())
    return in_unit(value.get<std::string>(), parameter.unit, where);
  throw Error(where, fmt::format("{}; expected {}", shown(value),
                                 parameter.unit.empty() ? "a number" : "a quantity in " + parameter.unit));
}

}  // namespace ppsim
