// How checks say what a rank should have and has not.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "ppsim/core/error.hpp"
#include "ppsim/core/ids.hpp"

namespace ppsim {

/// "rank 1: W of stage 0 is missing for micro-batches 3, 5, 7 and 12 more". Requires one number or more.
[[nodiscard]] Fault missing_fault(Rank rank, Stage stage, std::string_view kind,
                                  std::span<const std::uint32_t> micro_batches);

}  // namespace ppsim
