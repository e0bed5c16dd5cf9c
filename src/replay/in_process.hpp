/// Ranks as threads of one process, for tests and for tools that have no MPI.
#pragma once

#include <cstdint>
#include <functional>

#include "replay/transport.hpp"

namespace ppsim {

/// Runs `body` once a rank, each in a thread of its own, with transports that copy from memory to memory. A
/// send is done when it is received. Where a body throws, the others end at their next poll with a
/// ReplayError, and the first exception is thrown here.
void run_in_process(std::uint32_t ranks, const std::function<void(Transport&)>& body);

}  // namespace ppsim
