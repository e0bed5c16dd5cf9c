#include "input/table/present_value.hpp"

#include <fmt/format.h>

#include "input/table/spec_config.hpp"
#include "ppsim/core/error.hpp"
#include "text/quantity.hpp"

namespace ppsim {
namespace {

const Pointer kClusterPointer("/cluster");

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
  const QuantityUnit& unit = parameter.unit;
  const bool is_number = unit.dimension == Dimension::Number;
  if (is_number && value.is_number()) return value.get<double>();
  if (!is_number && value.is_string()) return parse_in_unit(value.get<std::string>(), unit, where);
  throw Error(where, fmt::format("{}; expected {}", shown(value),
                                 is_number ? "a number" : fmt::format("a quantity in {}", unit.name)));
}

}  // namespace ppsim
