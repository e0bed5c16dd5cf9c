/// Limits of activation memory as people write them.
#pragma once

#include <string_view>

#include "ppsim/schedule/registry.hpp"

namespace ppsim {

/// "1.5p", or bytes; above zero. Throws Error (where: `where`) for anything else.
[[nodiscard]] MemoryLimit parse_memory_limit(std::string_view text, std::string_view where);

}  // namespace ppsim
