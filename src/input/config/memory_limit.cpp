#include "input/config/memory_limit.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string>

#include "core/numbers.hpp"
#include "ppsim/core/error.hpp"
#include "text/quantity.hpp"

namespace ppsim {

MemoryLimit parse_memory_limit(std::string_view text, std::string_view where) {
  MemoryLimit limit;
  if (text.ends_with('p')) {
    const auto times = parse_number<double>(text.substr(0, text.size() - 1));
    if (!times || !std::isfinite(*times) || *times <= 0)
      throw Error(std::string(where), fmt::format("{}; expected a number above 0 before the \"p\"", text));
    limit.times = *times;
    return limit;
  }
  limit.bytes = parse_bytes(text, where);
  if (limit.bytes == Bytes(0))
    throw Error(std::string(where), fmt::format("{}; expected more than zero", text));
  return limit;
}

}  // namespace ppsim
