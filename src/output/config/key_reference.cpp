#include "output/config/key_reference.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "input/config/fields.hpp"
#include "ppsim/core/error.hpp"
#include "text/table.hpp"

namespace ppsim {

namespace {

struct ListedTable {
  std::string pointer;
  const FieldTable* table;
};

void list_tables(const FieldTable& table, const std::string& pointer, std::vector<ListedTable>& tables) {
  if (!table.fields.empty()) tables.push_back({pointer, &table});
  for (const Field& field : table.fields)
    if (field.table != nullptr)
      list_tables(*field.table,
                  fmt::format("{}/{}{}", pointer, field.name, field.kind == KeyKind::List ? "/*" : ""),
                  tables);
}

std::string last_name(std::string pointer) {
  if (pointer.ends_with("/*")) pointer.resize(pointer.size() - 2);
  return pointer.substr(pointer.rfind('/') + 1);
}

std::vector<ListedTable> tables_of(std::string_view section) {
  std::vector<ListedTable> all, chosen;
  list_tables(kConfigFields, "", all);
  for (const ListedTable& one : all) {
    const bool inside = std::any_of(chosen.begin(), chosen.end(), [&](const ListedTable& outer) {
      return one.pointer.starts_with(outer.pointer + "/");
    });
    if (section.empty() || inside || one.pointer == section || last_name(one.pointer) == section)
      chosen.push_back(one);
  }
  if (!chosen.empty()) return chosen;
  std::vector<std::string> names;
  for (const ListedTable& one : all)
    if (std::string name = last_name(one.pointer);
        !name.empty() && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(std::move(name));
  throw Error("--keys", fmt::format("there is no section \"{}\"; expected one of {}",
                                    one_line(std::string(section)), fmt::join(names, ", ")));
}

// Sections with one table stand together.
std::vector<ListedTable> merged(const std::vector<ListedTable>& tables) {
  std::vector<ListedTable> list;
  for (const ListedTable& one : tables) {
    const auto same = std::find_if(list.begin(), list.end(),
                                   [&](const ListedTable& other) { return other.table == one.table; });
    if (same == list.end())
      list.push_back(one);
    else
      same->pointer += ", " + one.pointer;
  }
  return list;
}

std::string meaning_of(const Field& field) {
  return field.scope.bit == 0 ? std::string(field.help_text())
                              : fmt::format("{} ({})", field.help_text(), field.scope.words);
}

Json field_json(const std::string& pointer, const Field& field) {
  Json entry = {{"pointer", fmt::format("{}/{}", pointer, field.name)},
                {"kind", field.kind == KeyKind::Section  ? "section"
                         : field.kind == KeyKind::Object ? "object"
                         : field.kind == KeyKind::List   ? "list"
                                                         : "value"},
                {"type", type_text(field)},
                {"required", field.absent.required()},
                {"default", default_text(field)},
                {"help", field.help_text()}};
  if (field.scope.bit != 0) entry["only"] = field.scope.words;
  if (field.choices != nullptr) entry["choices"] = field.choices();
  if (field.type == ValueType::Count) {
    entry["least"] = field.counts.least;
    entry["most"] = field.counts.most;
  }
  if (field.type == ValueType::Number) {
    entry["least"] = field.numbers.least;
    entry["most"] = field.numbers.most;
  }
  return entry;
}

}  // namespace

std::string key_reference(std::string_view section) {
  std::string text;
  for (const auto& [pointer, fields] : merged(tables_of(section))) {
    Table table(
        {{"key", Align::Left}, {"type", Align::Left}, {"default", Align::Left}, {"meaning", Align::Left}});
    for (const Field& field : fields->fields)
      if (field.kind != KeyKind::Note)
        table.add_row({std::string(field.name), type_text(field),
                       field.absent.required() ? "required" : default_text(field), meaning_of(field)});
    text +=
        fmt::format("{}{}\n\n{}", text.empty() ? "" : "\n", pointer.empty() ? "/" : pointer, table.text());
  }
  return text;
}

std::string key_reference_json(std::string_view section) {
  Json list = Json::array();
  for (const auto& [pointer, fields] : tables_of(section))
    for (const Field& field : fields->fields)
      if (field.kind != KeyKind::Note) list.push_back(field_json(pointer, field));
  return list.dump(2) + "\n";
}

}  // namespace ppsim
