#include "input/config/memory_limit.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <string>

#include "ppsim/core/error.hpp"
#include "text/quantity.hpp"

namespace ppsim {

MemoryLimit parse_memory_limit(std::string_view text, std::string_view where) {
  MemoryLimit limit;
  if (text.ends_with('p')) {
    const std::string_view number = text.substr(0, text.size() - 1);
    const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), limit.times);
    const bool whole = failure == std::errc{} && end == number.data() + number.size();
    if (!whole || !std::isfinite(limit.times) || limit.times <= 0)
      throw Error(std::string(where), fmt::format("{}; expected a number above 0 before the \"p\"", text));
    return limit;
  }
  limit.bytes = parse_bytes(text, where);
  if (limit.bytes == Bytes(0))
    throw Error(std::string(where), fmt::format("{}; expected more than zero", text));
  return limit;
}

}  // namespace ppsim
