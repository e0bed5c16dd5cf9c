#include "output/config/config_schema.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "input/config/tables.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {

namespace {

struct SchemaFile {
  std::string_view name;
  const FieldTable* table;
};

constexpr std::array<SchemaFile, 8> kFiles = {{{"config", &kConfigFields},
                                               {"cluster", &kClusterFields},
                                               {"gpu", &kGpuFields},
                                               {"software", &kSoftwareFields},
                                               {"model", &kModelFields},
                                               {"transformer", &kTransformerFields},
                                               {"costs", &kCostsFields},
                                               {"noise", &kNoiseFields}}};
constexpr std::string_view kCommon = "common";
constexpr std::string_view kDraft = "http://json-schema.org/draft-07/schema#";

Json reference(std::string_view definition) {
  return {{"$ref", fmt::format("common.schema.json#/definitions/{}", definition)}};
}

const SchemaFile* file_of(const FieldTable& table) {
  const auto* file =
      std::find_if(kFiles.begin(), kFiles.end(), [&](const SchemaFile& one) { return one.table == &table; });
  return file == kFiles.end() ? nullptr : file;
}

Json list_of(const Json& item) {
  return {{"type", "array"}, {"minItems", 1}, {"items", item}};
}

Json one_or_list(std::string_view definition) {
  return {{"anyOf", {reference(definition), list_of(reference(definition))}}};
}

Json value_schema(const Field& field) {
  switch (field.type) {
    case ValueType::Any:
    case ValueType::Text:
      return {{"type", "string"}};
    case ValueType::Flag:
      return {{"type", "boolean"}};
    case ValueType::Count:
      return {{"type", "integer"}, {"minimum", field.counts.least}, {"maximum", field.counts.most}};
    case ValueType::Number:
      return {{"type", "number"},
              {"minimum", plain_value(field, field.numbers.least)},
              {"maximum", plain_value(field, field.numbers.most)}};
    case ValueType::Share:
      return reference("share");
    case ValueType::Time:
      return reference("time");
    case ValueType::Bytes:
      return reference("bytes");
    case ValueType::Bandwidth:
      return reference("bandwidth");
    case ValueType::Flops:
      return reference("flops");
    case ValueType::FlopRate:
      return reference("flops_per_second");
    case ValueType::Times:
      return one_or_list("time");
    case ValueType::Sizes:
      return one_or_list("bytes");
    case ValueType::Choice:
      return {{"enum", field.choices()}};
  }
  return Json::object();
}

Json irregular_schema(const Field& field) {
  return parse_json(field.schema, field.name);
}

Json or_null(Json schema) {
  if (schema.contains("anyOf") && schema.size() == 1) {
    schema["anyOf"].push_back({{"type", "null"}});
    return schema;
  }
  if (schema.contains("enum")) {
    schema["enum"].push_back(nullptr);
    return schema;
  }
  if (schema.contains("type") && !schema.contains("properties")) {
    schema["type"] = {schema["type"], "null"};
    return schema;
  }
  return {{"anyOf", {schema, {{"type", "null"}}}}};
}

// The schema of one file. A table that several of its keys have stands once, among the definitions, by the
// name of the first of them.
class SchemaText {
 public:
  explicit SchemaText(const FieldTable& table) : table_(table) { count_uses(table); }

  [[nodiscard]] Json object() const { return object_schema(table_); }
  [[nodiscard]] Json definitions() const {
    Json definitions = Json::object();
    for (const auto& [table, name] : order_)
      if (uses_.at(table) > 1) definitions[name] = object_schema(*table);
    return definitions;
  }

 private:
  void count_uses(const FieldTable& table) {
    for (const Field& field : table.fields) {
      if (field.table == nullptr || !stands_here(field)) continue;
      if (uses_[field.table]++ > 0) continue;
      order_.emplace_back(field.table, std::string(field.name));
      count_uses(*field.table);
    }
  }
  static bool stands_here(const Field& field) {
    const bool by_row = field.kind == KeyKind::Object && !field.schema.empty();
    return file_of(*field.table) == nullptr && field.table != &kLinkFields && !by_row;
  }

  // An object of that table, by the place of its schema where it has one.
  [[nodiscard]] Json nested_schema(const FieldTable& table) const {
    if (const SchemaFile* file = file_of(table)) return {{"$ref", fmt::format("{}.schema.json", file->name)}};
    if (&table == &kLinkFields) return reference("link");
    if (uses_.at(&table) == 1) return object_schema(table);
    for (const auto& [defined, name] : order_)
      if (defined == &table) return {{"$ref", fmt::format("#/definitions/{}", name)}};
    return object_schema(table);
  }

  // Without what is said of every field: its help, its default, null.
  [[nodiscard]] Json bare_schema(const Field& field) const {
    if (field.kind == KeyKind::Section) return {{"anyOf", {nested_schema(*field.table), reference("path")}}};
    if (field.kind == KeyKind::List && field.schema.empty()) return list_of(nested_schema(*field.table));
    if (field.kind == KeyKind::List)
      return {{"anyOf", {irregular_schema(field), list_of(nested_schema(*field.table))}}};
    if (!field.schema.empty()) return irregular_schema(field);
    return field.kind == KeyKind::Object ? nested_schema(*field.table) : value_schema(field);
  }

  [[nodiscard]] Json field_schema(const Field& field) const {
    if (field.kind == KeyKind::Note) return reference(field.name == "$schema" ? "schema" : "description");
    Json schema = {{"description", field.help_text()}};
    schema.update(field.absent.nullable() ? or_null(bare_schema(field)) : bare_schema(field));
    if (field.absent.kind() == Absent::Kind::Value)
      schema["default"] = plain_value({}, field.absent.value(field.type, nullptr));
    return schema;
  }

  // Keys that lived in this table once, by their old names.
  void add_moved(Json& properties, const FieldTable& table) const {
    for (const MovedKey& key : moved_keys()) {
      const std::size_t slash = key.from.rfind('/');
      const Field* holder = find_field(std::string_view(key.from).substr(0, slash));
      if (holder == nullptr || holder->table != &table) continue;
      Json& moved = properties[key.from.substr(slash + 1)];
      moved = {{"description", fmt::format("Lives at {} now", key.to)}};
      moved.update(bare_schema(*find_field(key.to)));
    }
  }

  [[nodiscard]] Json object_schema(const FieldTable& table) const {
    Json schema = {{"type", "object"}, {"additionalProperties", false}};
    Json required = Json::array(), properties = Json::object();
    for (const Field& field : table.fields) {
      if (field.kind != KeyKind::Note && field.absent.required()) required.push_back(field.name);
      properties[std::string(field.name)] = field_schema(field);
    }
    add_moved(properties, table);
    if (!required.empty()) schema["required"] = std::move(required);
    schema["properties"] = std::move(properties);
    if (table.rules != nullptr) schema.update(table.rules());
    return schema;
  }

  const FieldTable& table_;
  std::map<const FieldTable*, int> uses_;
  std::vector<std::pair<const FieldTable*, std::string>> order_;  // as they stand in the file
};

Json quantity_schema(std::string_view description, std::string_view pattern) {
  return {{"description", description}, {"type", "string"}, {"pattern", pattern}};
}

Json common_definitions() {
  constexpr std::string_view kNumber = R"([0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)? *)";
  constexpr std::string_view kAboveZero = "(?=[0-9.]*[1-9])";
  const auto pattern = [&](std::string_view first, std::string_view units) {
    return fmt::format("^{}{}{}$", first, kNumber, units);
  };
  const auto text = [](std::string_view description) -> Json {
    return {{"description", description}, {"type", "string"}};
  };
  Json sizes = {
      {"description", kLinkFields.find("measured_sizes")->help}, {"type", "array"}, {"minItems", 2}};
  sizes["maxItems"] = 2;
  sizes["items"] = {{"$ref", "#/definitions/bytes"}};
  return {{"time", quantity_schema("A time with its unit, such as \"5 us\"", pattern("", "(ns|us|ms|s)"))},
          {"bytes", quantity_schema("An amount of memory with its unit, such as \"80 GiB\"",
                                    pattern("", "([kMGT]?B|[KMGT]iB)"))},
          {"bandwidth",
           quantity_schema("A rate above zero with its unit, such as \"450 GB/s\" or \"400 Gb/s\" (b: bits)",
                           pattern(kAboveZero, "([kMGT]?|[KMGT]i)(B|b)/s"))},
          {"flops", quantity_schema("Floating-point operations with their unit, such as \"2.5 TFLOP\"",
                                    pattern("", "[GTP]?FLOP"))},
          {"flops_per_second", quantity_schema("A rate above zero with its unit, such as \"989 TFLOP/s\"",
                                               pattern(kAboveZero, "[GTP]?FLOP/s"))},
          {"share", {{"type", "number"}, {"exclusiveMinimum", 0}, {"maximum", 1}}},
          {"path", text("Path of a file that holds the section, relative to this file")},
          {"schema", text("Path of the JSON Schema, for editors")},
          {"description", text("Free text for readers")},
          {"link", SchemaText(kLinkFields).object()},
          {"measured_sizes", std::move(sizes)}};
}

Json schema_document(const SchemaFile& file) {
  Json document = {{"$schema", kDraft}, {"title", file.table->title}};
  const SchemaText text(*file.table);
  document.update(text.object());
  if (Json definitions = text.definitions(); !definitions.empty())
    document["definitions"] = std::move(definitions);
  return document;
}

}  // namespace

std::vector<std::string_view> schema_names() {
  std::vector<std::string_view> names;
  for (const SchemaFile& file : kFiles) names.push_back(file.name);
  names.push_back(kCommon);
  return names;
}

std::string config_schema(std::string_view name) {
  Json document;
  if (name == kCommon)
    document = {{"$schema", kDraft},
                {"title", "What several sections of a ppsim config share"},
                {"definitions", common_definitions()}};
  for (const SchemaFile& file : kFiles)
    if (file.name == name) document = schema_document(file);
  if (document.is_null())
    throw Error("--schema", fmt::format("there is no schema \"{}\"; expected one of {}",
                                        one_line(std::string(name)), fmt::join(schema_names(), ", ")));
  return document.dump(2) + "\n";
}

}  // namespace ppsim
