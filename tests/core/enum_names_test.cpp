#include "ppsim/core/enum_names.hpp"

#include <doctest/doctest.h>

#include <cstdint>

namespace ppsim {
namespace enum_names_test {

enum class Fruit : std::uint8_t { Apple, Pear };

}  // namespace enum_names_test

template <>
inline constexpr auto kEnumNames<enum_names_test::Fruit> = enum_names<enum_names_test::Fruit>(
    {{enum_names_test::Fruit::Apple, "apple"}, {enum_names_test::Fruit::Pear, "pear"}});

namespace enum_names_test {
namespace {

TEST_CASE("a value has the name of its table, and a name its value") {
  CHECK(name(Fruit::Pear) == "pear");
  CHECK(from_name<Fruit>("apple") == Fruit::Apple);
  CHECK_FALSE(from_name<Fruit>("Apple").has_value());
  CHECK(names_of<Fruit>() == std::array<std::string_view, 2>{"apple", "pear"});
}

TEST_CASE("a number that no enumerator has is told from one that some enumerator has") {
  static_assert(enum_detail::is_enumerator<Fruit::Pear>());
  static_assert(!enum_detail::is_enumerator<static_cast<Fruit>(2)>());
}

}  // namespace
}  // namespace enum_names_test
}  // namespace ppsim
