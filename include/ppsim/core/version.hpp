// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// The version of this build.
#pragma once

#include <string_view>

namespace ppsim {

/// "0.1.0"
[[nodiscard]] std::string_view version();

}  // namespace ppsim
