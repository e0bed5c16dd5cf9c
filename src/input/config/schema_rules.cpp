#include "input/config/schema_rules.hpp"

namespace ppsim::rule {

namespace {

Json list_of(std::initializer_list<Json> rules) {
  Json list = Json::array();
  for (const Json& rule : rules) list.push_back(rule);
  return list;
}

Json object_of(std::string_view key, Json value) {
  Json object = Json::object();
  object[std::string(key)] = std::move(value);
  return object;
}

}  // namespace

Json given(std::string_view key) {
  Json rule = object_of("required", Json::array({key}));
  rule["properties"] = object_of(key, object_of("not", object_of("type", "null")));
  return rule;
}

Json equals(std::string_view key, const Json& value) {
  Json rule = object_of("required", Json::array({key}));
  rule["properties"] = object_of(key, object_of("const", value));
  return rule;
}

Json all(std::initializer_list<Json> rules) {
  return object_of("allOf", list_of(rules));
}

Json any(std::initializer_list<Json> rules) {
  return object_of("anyOf", list_of(rules));
}

Json none(std::initializer_list<Json> rules) {
  return object_of("not", any(rules));
}

Json where(const Json& condition, const Json& then) {
  Json rule = object_of("if", condition);
  rule["then"] = then;
  return rule;
}

Json where(const Json& condition, const Json& then, const Json& otherwise) {
  Json rule = where(condition, then);
  rule["else"] = otherwise;
  return rule;
}

}  // namespace ppsim::rule
