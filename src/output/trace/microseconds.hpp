/// Times as traces have them.
#pragma once

#include <fmt/compile.h>
#include <fmt/format.h>

#include <iterator>
#include <string>

#include "ppsim/core/units.hpp"

namespace ppsim {

/// "12.345": microseconds with exactly three decimals, so that nanoseconds survive the trip through a double.
inline void append_microseconds(std::string& text, Time time) {
  fmt::format_to(std::back_inserter(text), FMT_COMPILE("{}.{:03}"), time.count() / 1000, time.count() % 1000);
}

}  // namespace ppsim
