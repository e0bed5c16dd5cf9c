/// Numbers read from texts, for the whole house.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace ppsim {

/// Takes a number off the front of `text`; empty, and `text` as it was, where no number that fits stands
/// there. As std::from_chars: "12", "-3", with a floating-point Number also "1.5e3", "inf"; no blanks, no
/// plus sign.
template <class Number>
[[nodiscard]] std::optional<Number> take_number(std::string_view& text) {
  Number number{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// The number that `text` is; empty where anything stands behind the number.
template <class Number>
[[nodiscard]] std::optional<Number> parse_number(std::string_view text) {
  const std::optional<Number> number = take_number<Number>(text);
  return text.empty() ? number : std::nullopt;
}

}  // namespace ppsim
