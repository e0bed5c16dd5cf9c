#include "input/import/foreign_json.hpp"

#include <fmt/format.h>

#include <cmath>

namespace ppsim {

ForeignObject::ForeignObject(const Json& value, std::string where)
    : value_(&value), where_(std::move(where)) {
  if (!value.is_object()) throw error(fmt::format("{}; expected an object", shown(value)));
}

bool ForeignObject::has(std::string_view key) const {
  const auto found = value_->find(key);
  return found != value_->end() && !found->is_null();
}

const Json& ForeignObject::value(std::string_view key) {
  if (!has(key)) throw error(fmt::format("missing key \"{}\"", key));
  read_.emplace(key);
  return *value_->find(key);
}

std::uint64_t ForeignObject::read_count(const Json& value, const std::string& where, CountRange range) const {
  const auto number = whole_number(value);
  if (number && *number >= range.least && *number <= range.most) return *number;
  throw Error(
      where, fmt::format("{}; expected a whole number from {} to {}", shown(value), range.least, range.most));
}

std::uint64_t ForeignObject::count(std::string_view key, CountRange range) {
  return read_count(value(key), at(key), range);
}

std::uint64_t ForeignObject::count(std::string_view key, CountRange range, std::uint64_t absent) {
  return has(key) ? count(key, range) : absent;
}

bool ForeignObject::flag(std::string_view key, bool absent) {
  if (!has(key)) return absent;
  if (!value(key).is_boolean())
    throw error(key, fmt::format("{}; expected true or false", shown(value(key))));
  return value(key).get<bool>();
}

std::string ForeignObject::text(std::string_view key) {
  if (!value(key).is_string()) throw error(key, fmt::format("{}; expected text", shown(value(key))));
  return value(key).get<std::string>();
}

double ForeignObject::number(std::string_view key) {
  const Json& given = value(key);
  const double number = given.is_number() ? given.get<double>() : -1;
  if (!(number >= 0 && std::isfinite(number)))
    throw error(key, fmt::format("{}; expected a number, not below zero", shown(given)));
  return number;
}

std::vector<std::uint64_t> ForeignObject::counts(std::string_view key, CountRange range) {
  const Json& list = value(key);
  if (!list.is_array()) throw error(key, fmt::format("{}; expected a list of whole numbers", shown(list)));
  std::vector<std::uint64_t> result;
  for (const Json& one : list)
    result.push_back(read_count(one, fmt::format("{}/{}", at(key), result.size()), range));
  return result;
}

ForeignObject ForeignObject::object(std::string_view key) {
  return {value(key), at(key)};
}

Error ForeignObject::error(std::string_view what) const {
  return {where_.ends_with('#') ? where_.substr(0, where_.size() - 1) : where_, std::string(what)};
}

Error ForeignObject::error(std::string_view key, std::string_view what) const {
  return {at(key), std::string(what)};
}

std::vector<std::string> ForeignObject::unread() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : value_->items())
    if (!value.is_null() && !read_.contains(key)) keys.push_back(key);
  return keys;
}

std::string ForeignObject::at(std::string_view key) const {
  return where_ + (Json::json_pointer() / std::string(key)).to_string();
}

}  // namespace ppsim
