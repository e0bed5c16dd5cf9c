// A number that two replays share only if they are of the same run.
#pragma once

#include <cstdint>

#include "ppsim/replay/replay.hpp"

namespace ppsim {

/// FNV-1a, 64 bits, of all that decides what ranks do and send.
[[nodiscard]] std::uint64_t fingerprint(const OpGraph& graph, const ReplayOptions& options);

}  // namespace ppsim
