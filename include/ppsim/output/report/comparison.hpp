// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// A comparison as JSON and as a table for people.
#pragma once

#include <string>
#include <vector>

#include "ppsim/explore/run/compare.hpp"
#include "ppsim/input/config/config.hpp"

namespace ppsim {

/// Side by side: step time, against the best, bubble, span bubble, tokens/s, MFU, the share of
/// tensor-parallel communication in busy time, peak activation and memory; the best that fits is marked,
/// "does not fit (257 of 80 GiB)" where memory does not.
[[nodiscard]] std::string comparison_table(const std::vector<ComparisonRow>& rows, const Config& config,
                                           bool color);
[[nodiscard]] std::string comparison_json(const std::vector<ComparisonRow>& rows, const Config& config);

}  // namespace ppsim
