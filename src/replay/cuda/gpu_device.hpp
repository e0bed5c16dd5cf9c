// The GPU of this process.
#pragma once

#include <cstdint>
#include <string>

namespace ppsim {

/// Takes GPU `local_rank` of this machine for this process, and returns its name. Throws NoGpu where the
/// machine has none, and ReplayError where it has too few.
[[nodiscard]] std::string take_gpu(std::uint32_t local_rank);

}  // namespace ppsim
