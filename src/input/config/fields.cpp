#include "input/config/fields.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/edit_distance.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/input/config/config.hpp"
#include "text/quantity.hpp"

namespace ppsim {

namespace {

void list_keys(const FieldTable& object, const std::string& prefix, std::vector<std::string>& keys) {
  for (const Field& key : object.fields) {
    keys.push_back(fmt::format("{}/{}", prefix, key.name));
    if (key.table != nullptr)
      list_keys(*key.table, keys.back() + (key.kind == KeyKind::List ? "/*" : ""), keys);
  }
}

void list_moved(const FieldTable& table, const std::string& prefix, std::vector<MovedKey>& moved) {
  for (const Field& field : table.fields) {
    const std::string place = fmt::format("{}/{}", prefix, field.name);
    if (!field.once.empty()) moved.push_back({std::string(field.once), place});
    if (field.table != nullptr && field.kind != KeyKind::List) list_moved(*field.table, place, moved);
  }
}

// A number that is whole has one text, 32 and not 32.0.
Json plain_number(double number) {
  constexpr double kExact = 0x1p53;
  if (number == std::floor(number) && std::abs(number) <= kExact)
    return Json(static_cast<std::int64_t>(number));
  return Json(number);
}

Json plain_quantity(ValueType type, const std::string& text) {
  switch (type) {
    case ValueType::Time:
    case ValueType::Times:
      return parse_time(text, "").count();
    case ValueType::Bytes:
    case ValueType::Sizes:
      return parse_bytes(text, "").count();
    case ValueType::Bandwidth:
      return parse_bandwidth(text, "").count();
    case ValueType::Flops:
      return plain_number(parse_flops(text, "").count());
    case ValueType::FlopRate:
      return plain_number(parse_flops_per_second(text, "").count());
    case ValueType::Any:
    case ValueType::Text:
    case ValueType::Flag:
    case ValueType::Count:
    case ValueType::Number:
    case ValueType::Share:
    case ValueType::Choice:
      break;
  }
  return text;
}

}  // namespace

Json Absent::value(ValueType type, const void* target) const {
  if (kind_ == Kind::Computed) return compute_(target);
  if (kind_ == Kind::Empty) return Json::object();
  if (const auto* flag = std::get_if<bool>(&value_)) return *flag;
  if (const auto* text = std::get_if<std::string_view>(&value_)) return *text;
  const auto* number = std::get_if<double>(&value_);
  if (number == nullptr) return nullptr;
  return type == ValueType::Count ? Json(static_cast<std::uint64_t>(*number)) : Json(*number);
}

std::string default_text(const Field& field) {
  if (!field.absent.words().empty()) return std::string(field.absent.words());
  if (field.absent.kind() != Absent::Kind::Value) return "";
  const Json value = field.absent.value(field.type, nullptr);
  return value.is_string() ? value.get<std::string>() : compact(plain_value(field, value));
}

std::string type_text(const Field& field) {
  if (!field.expected.empty()) return std::string(field.expected);
  if (field.kind == KeyKind::Section) return "section";
  if (field.kind == KeyKind::Object) return "object";
  switch (field.type) {
    case ValueType::Any:
    case ValueType::Text:
      return "text";
    case ValueType::Flag:
      return "flag";
    case ValueType::Count:
      return fmt::format("count from {} to {}", field.counts.least, field.counts.most);
    case ValueType::Number:
      return fmt::format("number from {} to {}", field.numbers.least, field.numbers.most);
    case ValueType::Share:
      return "number above 0, at most 1";
    case ValueType::Time:
      return "time";
    case ValueType::Bytes:
      return "bytes";
    case ValueType::Bandwidth:
      return "bandwidth";
    case ValueType::Flops:
      return "FLOPs";
    case ValueType::FlopRate:
      return "rate";
    case ValueType::Times:
      return "time, or list of times";
    case ValueType::Sizes:
      return "bytes, or list of bytes";
    case ValueType::Choice:
      return fmt::format("{}", fmt::join(field.choices(), ", "));
  }
  return "";
}

Json plain_value(const Field& field, const Json& value) {
  if (value.is_number_float()) return plain_number(value.get<double>());
  if (value.is_array()) {
    Json list = Json::array();
    for (const Json& entry : value) list.push_back(plain_value(field, entry));
    return list;
  }
  if (!value.is_string()) return value;
  try {
    return plain_quantity(field.type, value.get<std::string>());
  } catch (const Error&) {
    return value;
  }
}

const Field* FieldTable::find(std::string_view name) const {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

const Field* find_field(std::string_view pointer) {
  const FieldTable* table = &kConfigFields;
  const Field* field = nullptr;
  while (pointer.starts_with('/')) {
    if (table == nullptr) return nullptr;
    pointer.remove_prefix(1);
    const std::string_view token = pointer.substr(0, pointer.find('/'));
    field = table->find(token);
    if (field == nullptr) return nullptr;
    table = field->kind == KeyKind::List ? nullptr : field->table;
    pointer.remove_prefix(token.size());
  }
  return pointer.empty() ? field : nullptr;
}

const std::vector<MovedKey>& moved_keys() {
  static const std::vector<MovedKey> moved = [] {
    std::vector<MovedKey> list;
    list_moved(kConfigFields, "", list);
    return list;
  }();
  return moved;
}

std::string newest_pointer(const std::string& pointer) {
  for (const MovedKey& key : moved_keys())
    if (key.from == pointer) return key.to;
  return pointer;
}

std::string unknown_key(std::string_view name, const FieldTable& known) {
  const Field* nearest = nullptr;
  std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const Field& key : known.fields) {
    // A long name is near nothing, and comparing it is slow.
    if (name.size() > 2 * key.name.size() + 2) continue;
    const std::size_t edits = edit_distance(name, key.name);
    if (edits < least && edits < key.name.size()) {
      least = edits;
      nearest = &key;
    }
  }
  if (nearest != nullptr) return fmt::format("unknown key; did you mean \"{}\"?", nearest->name);
  std::vector<std::string_view> names;
  for (const Field& key : known.fields)
    if (key.kind != KeyKind::Note) names.push_back(key.name);
  return fmt::format("unknown key; expected one of {}", fmt::join(names, ", "));
}

std::vector<std::string> config_keys() {
  std::vector<std::string> keys;
  list_keys(kConfigFields, "", keys);
  return keys;
}

}  // namespace ppsim
