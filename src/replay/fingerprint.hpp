// A number that two replays share only if they are of the same run.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "ppsim/graph/op_graph.hpp"

namespace ppsim {

/// FNV-1a, 64 bits, of all that decides what ranks do and send; `options` in a fixed order.
[[nodiscard]] std::uint64_t fingerprint(const OpGraph& graph, std::initializer_list<std::uint64_t> options);

}  // namespace ppsim
