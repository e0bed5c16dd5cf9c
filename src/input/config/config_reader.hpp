/// Typed reading of one object of a config. What is left out takes its default, which goes into the document.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "input/config/config_document.hpp"
#include "ppsim/core/enum_names.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/core/units.hpp"
#include "text/quantity.hpp"

namespace ppsim {

/// A whole number, also where it is written as 32.0 or 3.2e1. Empty where it is none or negative; far too
/// large: the largest there is.
[[nodiscard]] std::optional<std::uint64_t> whole_number(const Json& value);

class ObjectReader {
 public:
  /// Throws where there is no object, or one with a key that `table` does not know.
  ObjectReader(Document& document, Pointer pointer, const FieldTable& table);

  /// True where the key has a value: null stands for none in an optional one.
  [[nodiscard]] bool has(std::string_view key) const;
  [[nodiscard]] ObjectReader object(std::string_view key) const;  ///< requires that its row says it is one
  [[nodiscard]] ObjectReader entry(std::string_view key, std::size_t index) const;  ///< of a list of objects
  [[nodiscard]] const Json& value(std::string_view key) const;  ///< throws where it is missing
  [[nodiscard]] Document& document() const { return document_; }
  [[nodiscard]] const Json& self() const { return document_.at(pointer_); }
  [[nodiscard]] Pointer at(std::string_view key) const { return pointer_ / std::string(key); }

  /// An error about the object, and one about a key of it.
  [[nodiscard]] Error error(std::string_view what) const;
  [[nodiscard]] Error error(std::string_view key, std::string_view what) const;

  template <class Number = std::uint32_t>
  [[nodiscard]] Number count(std::string_view key, CountRange range) const {
    return static_cast<Number>(read_count(at(key), value(key), range));
  }
  [[nodiscard]] std::vector<std::uint32_t> counts(std::string_view key, CountRange range) const;

  [[nodiscard]] std::string text(std::string_view key) const;
  [[nodiscard]] bool flag(std::string_view key) const;
  [[nodiscard]] double share(std::string_view key) const;  ///< above 0, at most 1
  [[nodiscard]] double number(std::string_view key, double least, double most) const;

  /// Index of the text in `choices`.
  [[nodiscard]] std::size_t choice(std::string_view key, std::span<const std::string_view> choices) const;
  /// The value of that name.
  template <NamedEnum E>
  [[nodiscard]] E one_of(std::string_view key) const {
    return kEnumNames<E>[choice(key, names_of<E>())].value;
  }

  /// Where the key is left out: writes what holds then into the document, a default of the document's own
  /// before that of the row. `target`: what the section is read into, as far as it is read.
  void complete(const Field& field, const void* target) const;
  void set_default(std::string_view key, const Json& absent) const;

  /// `parse` is one of quantity.hpp.
  template <class T>
  [[nodiscard]] T quantity(std::string_view key, T (*parse)(std::string_view, std::string_view)) const {
    return read_quantity(at(key), value(key), parse);
  }

  /// One, or a list of at least one; empty where it is left out.
  template <class T>
  [[nodiscard]] std::vector<T> quantities(std::string_view key,
                                          T (*parse)(std::string_view, std::string_view)) const {
    std::vector<T> list;
    if (!has(key)) return list;
    if (!value(key).is_array()) return {quantity(key, parse)};
    for (std::size_t i = 0; i < list_size(key); ++i)
      list.push_back(read_quantity(at(key) / i, value(key)[i], parse));
    return list;
  }

 private:
  template <class T>
  [[nodiscard]] T read_quantity(const Pointer& pointer, const Json& value,
                                T (*parse)(std::string_view, std::string_view)) const {
    // A bare number has no unit, and `parse` says which there are.
    const std::string text = value.is_string() ? value.get<std::string>() : shown(value);
    return parse(text, document_.where(pointer));
  }

  [[nodiscard]] std::uint64_t read_count(const Pointer& pointer, const Json& value, CountRange range) const;
  [[nodiscard]] std::size_t list_size(std::string_view key) const;  ///< throws where it is empty

  Document& document_;
  Pointer pointer_;
  const FieldTable& table_;
};

}  // namespace ppsim
