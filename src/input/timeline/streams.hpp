/// Names of streams, in traces and in timeline files.
#pragma once

#include <span>
#include <string_view>

#include "ppsim/core/op.hpp"

namespace ppsim {

inline constexpr std::string_view kComputeStream = "compute";
inline constexpr std::string_view kSendStream = "send";
inline constexpr std::string_view kReceiveStream = "receive";
inline constexpr std::string_view kCollectiveStream = "collectives";

/// The stream that a vertex runs on: compute, or collectives for gradient reduction and parameter gathering.
[[nodiscard]] std::string_view stream_of(std::span<const Op> ops);

}  // namespace ppsim
