// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// What `ppsim schedule optimize` found, as a table and as JSON.
#pragma once

#include <string>

#include "ppsim/explore/order/optimize.hpp"
#include "ppsim/input/config/config.hpp"

namespace ppsim {

/// Schedules side by side, the optimized one last, and below whether it is proved to be the best.
[[nodiscard]] std::string optimization_table(const Optimization& result, const Config& config, bool color);
[[nodiscard]] std::string optimization_json(const Optimization& result, const Config& config);

}  // namespace ppsim
