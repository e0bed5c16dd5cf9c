// A table of names lists the values of its enum in their order.
#include "ppsim/core/enum_names.hpp"

namespace ppsim {

#ifdef WRONG
enum class Fruit { Pear, Apple };
#else
enum class Fruit { Apple, Pear };
#endif

template <>
inline constexpr auto kEnumNames<Fruit> = enum_names<Fruit>({{Fruit::Apple, "apple"}, {Fruit::Pear, "pear"}});

}  // namespace ppsim
