// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Who was on the links in a run, as tables and as JSON.
#pragma once

#include <span>
#include <string>

#include "ppsim/input/config/config.hpp"
#include "ppsim/metrics/traffic.hpp"
#include "ppsim/model/costs/collective_table.hpp"

namespace ppsim {

/// Tables of links, transfers, collectives (in the run, and one of each that the stages have), and of who
/// shares what. Neighbours that are alike are one row.
[[nodiscard]] std::string traffic_table(const StepTraffic& traffic, std::span<const CollectiveRows> stages,
                                        const Config& config);

/// One JSON object, two-space indent, newline at the end: "links", "transfers", "collectives", "shared", a
/// row each; "stages": a list of collectives each.
[[nodiscard]] std::string traffic_json(const StepTraffic& traffic, std::span<const CollectiveRows> stages,
                                       const Config& config);

}  // namespace ppsim
