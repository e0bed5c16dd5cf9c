#include "input/table/present_value.hpp"

#include <fmt/format.h>

#include "input/table/spec_config.hpp"
#include "ppsim/core/error.hpp"
#include "text/quantity.hpp"

namespace ppsim {
namespace {

const Pointer kClusterPointer("/cluster");

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

}  // namespace

Document open_config(const ValidationSpec& spec) {
  Document document(spec.path, "/config");
  if (spec.fit && !spec.fit->cluster.empty())
    document.apply({"/cluster", spec.fit->cluster, spec.path + "#/fit/cluster"});
  return document;
}

double present_value(const ValidationSpec& spec, const ParameterRange& parameter) {
  Document document = open_config(spec);
  document.inline_sections();
  const Pointer pointer(parameter.pointer);
  const std::string where = document.where(pointer);
  Json value;
  try {
    value = document.at(kClusterPointer)
                .at(Pointer(parameter.pointer.substr(kClusterPointer.to_string().size())));
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
