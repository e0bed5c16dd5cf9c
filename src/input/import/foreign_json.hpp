/// Typed reading of another tool's JSON: null is as good as absent, and it is known which keys were read.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "input/config/config_reader.hpp"

namespace ppsim {

class ForeignObject {
 public:
  /// `where`: "FILE#/pointer". Throws Error where `value` is no object. `value` must outlive it.
  ForeignObject(const Json& value, std::string where);

  /// There, and not null.
  [[nodiscard]] bool has(std::string_view key) const;

  // Each throws Error for another type; without `absent` also where the key is missing.
  [[nodiscard]] const Json& value(std::string_view key);
  [[nodiscard]] std::uint64_t count(std::string_view key, CountRange range);
  [[nodiscard]] std::uint64_t count(std::string_view key, CountRange range, std::uint64_t absent);
  [[nodiscard]] bool flag(std::string_view key, bool absent);
  [[nodiscard]] std::string text(std::string_view key);
  [[nodiscard]] double number(std::string_view key);  ///< finite, not below zero
  [[nodiscard]] std::vector<std::uint64_t> counts(std::string_view key, CountRange range);
  [[nodiscard]] ForeignObject object(std::string_view key);

  [[nodiscard]] Error error(std::string_view what) const;
  [[nodiscard]] Error error(std::string_view key, std::string_view what) const;

  /// Keys that are not null and were not read, in the file's order.
  [[nodiscard]] std::vector<std::string> unread() const;

 private:
  [[nodiscard]] std::uint64_t read_count(const Json& value, const std::string& where, CountRange range) const;
  [[nodiscard]] std::string at(std::string_view key) const;

  const Json* value_;
  std::string where_;
  std::set<std::string, std::less<>> read_;
};

}  // namespace ppsim
