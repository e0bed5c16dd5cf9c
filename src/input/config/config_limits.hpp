/// Sizes that are each possible and together are not: told before anything is computed from them or allocated
/// for them.
#pragma once

#include <optional>
#include <string>

#include "ppsim/core/error.hpp"
#include "ppsim/input/config/config.hpp"

namespace ppsim {

/// The first product that goes too far, or empty. `where` is a pointer into the config.
[[nodiscard]] std::optional<Fault> find_excess(const Config& config);

}  // namespace ppsim
