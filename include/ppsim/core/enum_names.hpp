// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Names of an enum's values: one table an enum, which readers, writers, help and schemas share.
///
///     enum class Detail : std::uint8_t { Folded, Full };
///     template <>
///     inline constexpr auto kEnumNames<Detail> =
///         enum_names<Detail>({{Detail::Folded, "folded"}, {Detail::Full, "full"}});
///
/// A table lists every value once, in the order of the enum; a value that is missing, or out of its place, is
/// an error of the compiler.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace ppsim {

/// A value of an enum and its name.
template <class E>
struct EnumName {
  E value;
  std::string_view name;
};

/// The table of an enum; enums with names specialise this variable.
template <class E>
inline constexpr std::nullptr_t kEnumNames = nullptr;

template <class E>
concept NamedEnum = requires {
  kEnumNames<E>.size();
};

namespace enum_detail {

/// True where an enumerator has this value. Compilers write an enumerator by its name and another value as a
/// cast: "Value = ppsim::Detail::Full" or "Value = (ppsim::Detail)2".
template <auto Value>
constexpr bool is_enumerator() {
  const std::string_view text = __PRETTY_FUNCTION__;
  const std::size_t start = text.find("Value = ") + std::string_view("Value = ").size();
  return text[start] != '(';
}

}  // namespace enum_detail

/// Makes a table from a list of all values.
template <class E, std::size_t Count>
consteval std::array<EnumName<E>, Count> enum_names(const EnumName<E> (&list)[Count]) {
  static_assert(!enum_detail::is_enumerator<static_cast<E>(Count)>(), "a value of the enum has no name");
  std::array<EnumName<E>, Count> names{};
  for (std::size_t i = 0; i < Count; ++i) {
    if (static_cast<std::size_t>(list[i].value) != i) throw "the values stand in the order of the enum";
    names[i] = list[i];
  }
  return names;
}

template <NamedEnum E>
[[nodiscard]] constexpr std::string_view name(E value) {
  return kEnumNames<E>[static_cast<std::size_t>(value)].name;
}

/// Empty where no value has that name.
template <NamedEnum E>
[[nodiscard]] constexpr std::optional<E> from_name(std::string_view text) {
  for (const EnumName<E>& entry : kEnumNames<E>)
    if (entry.name == text) return entry.value;
  return std::nullopt;
}

/// All names, in the order of the enum.
template <NamedEnum E>
[[nodiscard]] constexpr auto names_of() {
  std::array<std::string_view, kEnumNames<E>.size()> names{};
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kEnumNames<E>[i].name;
  return names;
}

}  // namespace ppsim
