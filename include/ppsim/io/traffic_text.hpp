/// Who was on the links in a run, as tables and as JSON.
#pragma once

#include <string>

#include "ppsim/io/config.hpp"
#include "ppsim/metrics/traffic.hpp"

namespace ppsim {

/// Tables of links, transfers, collectives, and of who shares what. Neighbours that are alike are one row.
[[nodiscard]] std::string traffic_table(const Traffic& traffic, const Config& config);

/// One JSON object, two-space indent, newline at the end: "links", "transfers", "collectives", "shared", a
/// row each.
[[nodiscard]] std::string traffic_json(const Traffic& traffic, const Config& config);

}  // namespace ppsim
