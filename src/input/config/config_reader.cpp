#include "input/config/config_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace ppsim {

std::optional<std::uint64_t> whole_number(const Json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  if (number < 0 || number != std::floor(number)) return std::nullopt;
  return number < 0x1p64 ? static_cast<std::uint64_t>(number) : ~std::uint64_t{0};
}

ObjectReader::ObjectReader(Document& document, Pointer pointer, const FieldTable& table)
    : document_(document), pointer_(std::move(pointer)), table_(table) {
  if (!self().is_object()) throw error(fmt::format("{}; expected an object", shown(self())));
  if (table.open) return;
  for (const auto& [name, value] : self().items())
    if (table.find(name) == nullptr) throw error(name, unknown_key(name, table));
}

ObjectReader ObjectReader::object(std::string_view key) const {
  (void)value(key);
  return {document_, at(key), *table_.find(key)->table};
}

ObjectReader ObjectReader::entry(std::string_view key, std::size_t index) const {
  return {document_, at(key) / index, *table_.find(key)->table};
}

bool ObjectReader::has(std::string_view key) const {
  const auto found = self().find(key);
  if (found == self().end()) return false;
  const Field* known = found->is_null() ? table_.find(key) : nullptr;
  return known == nullptr || !known->absent.nullable();
}

const Json& ObjectReader::value(std::string_view key) const {
  if (has(key)) return *self().find(key);
  const Field* known = table_.find(key);
  const bool section = known != nullptr && known->kind == KeyKind::Section;
  throw error(fmt::format("missing {} \"{}\"", section ? "section" : "key", key));
}

Error ObjectReader::error(std::string_view what) const {
  return {document_.where(pointer_), std::string(what)};
}

Error ObjectReader::error(std::string_view key, std::string_view what) const {
  return {document_.where(at(key)), std::string(what)};
}

void ObjectReader::set_default(std::string_view key, const Json& absent) const {
  const Pointer pointer = at(key);
  if (!self().contains(key)) document_.set_absent(pointer, absent);
  if (absent.is_object()) return;  // what an object holds is told key by key
  const Json& value = document_.at(pointer);
  const Field* field = value == absent ? nullptr : table_.find(key);
  if (value == absent || (field != nullptr && plain_value(*field, value) == plain_value(*field, absent)))
    document_.mark_default(pointer);
}

void ObjectReader::complete(const Field& field, const void* target) const {
  if (field.absent.required())
    document_.take_offered(at(field.name));
  else
    set_default(field.name, field.absent.value(field.type, target));
}

std::uint64_t ObjectReader::read_count(const Pointer& pointer, const Json& value, CountRange range) const {
  const auto number = whole_number(value);
  if (!number || *number < range.least || *number > range.most)
    throw Error(document_.where(pointer), fmt::format("{}; expected a whole number from {} to {}",
                                                      shown(value), range.least, range.most));
  document_.at(pointer) = *number;  // 32.0 and 32 are one value: one text
  return *number;
}

std::size_t ObjectReader::list_size(std::string_view key) const {
  const std::size_t size = value(key).size();
  if (size == 0) throw error(key, "an empty list; expected at least one value");
  return size;
}

std::vector<std::uint32_t> ObjectReader::counts(std::string_view key, CountRange range) const {
  if (!value(key).is_array())
    throw error(key, fmt::format("{}; expected a list of whole numbers", shown(value(key))));
  std::vector<std::uint32_t> list;
  for (std::size_t i = 0; i < list_size(key); ++i)
    list.push_back(static_cast<std::uint32_t>(read_count(at(key) / i, value(key)[i], range)));
  return list;
}

std::string ObjectReader::text(std::string_view key) const {
  if (!value(key).is_string()) throw error(key, fmt::format("{}; expected text", shown(value(key))));
  return value(key).get<std::string>();
}

bool ObjectReader::flag(std::string_view key) const {
  if (!value(key).is_boolean())
    throw error(key, fmt::format("{}; expected true or false", shown(value(key))));
  return value(key).get<bool>();
}

double ObjectReader::share(std::string_view key) const {
  const Json& given = value(key);
  const double share = given.is_number() ? given.get<double>() : 0;
  if (!(share > 0 && share <= 1))
    throw error(key, fmt::format("{}; expected a number above 0, at most 1", shown(given)));
  return share;
}

double ObjectReader::number(std::string_view key, double least, double most) const {
  const Json& given = value(key);
  const double number = given.is_number() ? given.get<double>() : least - 1;
  if (!(number >= least && number <= most))
    throw error(key, fmt::format("{}; expected a number from {} to {}", shown(given), least, most));
  return number;
}

std::size_t ObjectReader::choice(std::string_view key, std::span<const std::string_view> choices) const {
  const Json& given = value(key);
  for (std::size_t i = 0; i < choices.size(); ++i)
    if (given == choices[i]) return i;
  std::vector<std::string> quoted;
  for (const std::string_view choice : choices) quoted.push_back(fmt::format("\"{}\"", choice));
  throw error(key, fmt::format("{}; expected {}", shown(given), fmt::join(quoted, " or ")));
}

}  // namespace ppsim
