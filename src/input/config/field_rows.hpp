/// Rows of field tables that are read into the members of a struct: row::count<&Cluster::nodes>("nodes",
/// ...).
///
/// Several members are a path: row::time<&Pcie::link, &Link::latency>. An optional on the way must have a
/// value; one at the end gets it.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <type_traits>

#include "input/config/config_reader.hpp"
#include "input/config/fields.hpp"
#include "ppsim/core/enum_names.hpp"
#include "text/quantity.hpp"

namespace ppsim {

/// A table whose rows are read into an S.
template <class S>
struct TableOf : FieldTable {};

/// Reads every row that has a reader, in the order of the table, and writes the defaults of all rows into the
/// document. Throws Error for a key without a value that needs one, and for a key outside of its scope.
void read_fields(const ObjectReader& section, const FieldTable& table, void* target, KeyScopes scopes);

template <class S>
void read_fields(const ObjectReader& section, const TableOf<S>& table, S& target, KeyScopes scopes = 0) {
  read_fields(section, static_cast<const FieldTable&>(table), static_cast<void*>(&target), scopes);
}

namespace row {

/// A row that is read into an S.
template <class S>
struct Row {
  Field field;

  [[nodiscard]] constexpr Row only(const KeyScope& scope) const {
    Row row = *this;
    row.field.scope = scope;
    return row;
  }
  /// `pointer`: where the key lived before.
  [[nodiscard]] constexpr Row once(std::string_view pointer) const {
    Row row = *this;
    row.field.once = pointer;
    return row;
  }
};

template <class Member>
struct MemberTraits;
template <class S, class T>
struct MemberTraits<T S::*> {
  using Owner = S;
};

template <class T>
struct BareType {
  using Type = T;
};
template <class T>
struct BareType<std::optional<T>> {
  using Type = T;
};
template <class T>
using Bare = typename BareType<std::remove_cvref_t<T>>::Type;

template <auto First, auto... Rest>
struct Path {
  using Owner = typename MemberTraits<decltype(First)>::Owner;

  static auto& in(Owner& owner) {
    auto& member = owner.*First;
    using Member = std::remove_cvref_t<decltype(member)>;
    if constexpr (sizeof...(Rest) == 0)
      return member;
    else if constexpr (std::is_same_v<Bare<Member>, Member>)
      return Path<Rest...>::in(member);
    else
      return Path<Rest...>::in(*member);
  }
  static auto& in(void* target) { return in(*static_cast<Owner*>(target)); }
};

template <auto... Members>
using Owner = typename Path<Members...>::Owner;
template <auto... Members>
using Value = Bare<decltype(Path<Members...>::in(static_cast<void*>(nullptr)))>;

template <auto... Members>
constexpr Row<Owner<Members...>> count(std::string_view name, CountRange range, Absent absent,
                                       std::string_view help) {
  return {{.name = name,
           .type = ValueType::Count,
           .counts = range,
           .absent = absent,
           .help = help,
           .read = [](const ObjectReader& section, const Field& field, void* target) {
             Path<Members...>::in(target) = section.count<Value<Members...>>(field.name, field.counts);
           }}};
}

template <auto... Members>
constexpr Row<Owner<Members...>> number(std::string_view name, NumberRange range, Absent absent,
                                        std::string_view help) {
  return {{.name = name,
           .type = ValueType::Number,
           .numbers = range,
           .absent = absent,
           .help = help,
           .read = [](const ObjectReader& section, const Field& field, void* target) {
             Path<Members...>::in(target) =
                 section.number(field.name, field.numbers.least, field.numbers.most);
           }}};
}

template <auto... Members>
constexpr Row<Owner<Members...>> share(std::string_view name, Absent absent, std::string_view help) {
  return {{.name = name,
           .type = ValueType::Share,
           .absent = absent,
           .help = help,
           .read = [](const ObjectReader& section, const Field& field, void* target) {
             Path<Members...>::in(target) = section.share(field.name);
           }}};
}

template <auto... Members>
constexpr Row<Owner<Members...>> flag(std::string_view name, Absent absent, std::string_view help) {
  return {{.name = name,
           .type = ValueType::Flag,
           .absent = absent,
           .help = help,
           .read = [](const ObjectReader& section, const Field& field, void* target) {
             Path<Members...>::in(target) = section.flag(field.name);
           }}};
}

template <auto... Members>
constexpr Row<Owner<Members...>> text(std::string_view name, Absent absent, std::string_view help) {
  return {{.name = name,
           .type = ValueType::Text,
           .absent = absent,
           .help = help,
           .read = [](const ObjectReader& section, const Field& field, void* target) {
             Path<Members...>::in(target) = section.text(field.name);
           }}};
}

template <class T>
struct Quantity;
template <>
struct Quantity<Time> {
  static constexpr auto kParse = &parse_time;
  static constexpr ValueType kType = ValueType::Time, kList = ValueType::Times;
};
template <>
struct Quantity<Bytes> {
  static constexpr auto kParse = &parse_bytes;
  static constexpr ValueType kType = ValueType::Bytes, kList = ValueType::Sizes;
};
template <>
struct Quantity<BytesPerSecond> {
  static constexpr auto kParse = &parse_bandwidth;
  static constexpr ValueType kType = ValueType::Bandwidth;
};
template <>
struct Quantity<Flops> {
  static constexpr auto kParse = &parse_flops;
  static constexpr ValueType kType = ValueType::Flops;
};

/// A time, an amount of memory, a rate: as the member's type says.
template <auto... Members>
constexpr Row<Owner<Members...>> quantity(std::string_view name, Absent absent, std::string_view help) {
  using Kind = Quantity<Value<Members...>>;
  return {{.name = name,
           .type = Kind::kType,
           .absent = absent,
           .help = help,
           .read = [](const ObjectReader& section, const Field& field, void* target) {
             Path<Members...>::in(target) = section.quantity(field.name, Kind::kParse);
           }}};
}

/// One quantity, or a list of one a stage.
template <auto... Members>
constexpr Row<Owner<Members...>> per_stage(std::string_view name, Absent absent, std::string_view help) {
  using Kind = Quantity<typename Value<Members...>::value_type>;
  return {{.name = name,
           .type = Kind::kList,
           .absent = absent,
           .help = help,
           .read = [](const ObjectReader& section, const Field& field, void* target) {
             Path<Members...>::in(target) = section.quantities(field.name, Kind::kParse);
           }}};
}

template <NamedEnum E>
std::span<const std::string_view> choices_of() {
  static constexpr auto kNames = names_of<E>();
  return kNames;
}

template <auto... Members>
constexpr Row<Owner<Members...>> choice(std::string_view name, Absent absent, std::string_view help) {
  using E = Value<Members...>;
  return {{.name = name,
           .type = ValueType::Choice,
           .choices = &choices_of<E>,
           .absent = absent,
           .help = help,
           .read = [](const ObjectReader& section, const Field& field, void* target) {
             Path<Members...>::in(target) = section.one_of<E>(field.name);
           }}};
}

/// An object with a table of its own, read into the member.
template <auto... Members>
constexpr Row<Owner<Members...>> object(std::string_view name, const TableOf<Value<Members...>>& table,
                                        Absent absent, std::string_view help) {
  return {{.name = name,
           .kind = KeyKind::Object,
           .table = &table,
           .absent = absent,
           .help = help,
           .read = [](const ObjectReader& section, const Field& field, void* target) {
             Value<Members...> value;
             read_fields(section.object(field.name), *field.table, &value, 0);
             Path<Members...>::in(target) = std::move(value);
           }}};
}

/// A value that `Function` reads: void(const ObjectReader& section, const Field& field, S& target). `field`
/// says the rest: a type, or words and a schema.
template <class S, void (*Function)(const ObjectReader&, const Field&, S&)>
constexpr Row<S> custom(Field field) {
  field.read = [](const ObjectReader& section, const Field& row, void* target) {
    Function(section, row, *static_cast<S*>(target));
  };
  return {field};
}

/// A default that follows from what is read so far: Json(const S&).
template <class S, Json (*Function)(const S&)>
constexpr Absent computed(std::string_view words) {
  return Absent::computed(words, [](const void* target) { return Function(*static_cast<const S*>(target)); });
}

/// The rows of a table, in the order in which a document is read and written. Each is a Row<S>, or a Field
/// that the section's own code reads.
template <class S, class... Rows>
constexpr std::array<Field, sizeof...(Rows)> rows(const Rows&... rows) {
  const auto field = []<class One>(const One& one) -> const Field& {
    static_assert(std::is_same_v<One, Field> || std::is_same_v<One, Row<S>>, "a row of another struct");
    if constexpr (std::is_same_v<One, Field>)
      return one;
    else
      return one.field;
  };
  return {field(rows)...};
}

inline constexpr Field kSchema{.name = "$schema", .kind = KeyKind::Note, .help = "Path of the JSON Schema"};
inline constexpr Field kDescription{
    .name = "description", .kind = KeyKind::Note, .help = "Free text for readers"};
inline constexpr Field kSource{.name = "source",
                               .type = ValueType::Text,
                               .absent = Absent::none("empty"),
                               .help = "Where the figures come from"};

}  // namespace row
}  // namespace ppsim
