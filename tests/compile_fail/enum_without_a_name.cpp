// A table of names lists every value of its enum.
#include "ppsim/core/enum_names.hpp"

namespace ppsim {

enum class Fruit { Apple, Pear, Plum };

template <>
inline constexpr auto kEnumNames<Fruit> = enum_names<Fruit>({{Fruit::Apple, "apple"},
                                                             {Fruit::Pear, "pear"},
#ifndef WRONG
                                                             {Fruit::Plum, "plum"}
#endif
});

}  // namespace ppsim
