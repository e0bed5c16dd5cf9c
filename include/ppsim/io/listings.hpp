/// Listings for people and scripts: the schedules there are, a resolved config, the faults of a schedule.
#pragma once

#include <span>
#include <string>

#include "ppsim/core/error.hpp"
#include "ppsim/io/config.hpp"
#include "ppsim/schedule/registry.hpp"

namespace ppsim {

/// A paragraph a schedule: what it is, placement, constraint, formulas, source; `verbose` adds its options.
[[nodiscard]] std::string schedule_list_text(std::span<const ScheduleInfo* const> schedules, bool verbose);
[[nodiscard]] std::string schedule_list_json(std::span<const ScheduleInfo* const> schedules);

/// Every value of the resolved document and where it came from, a row each.
[[nodiscard]] std::string config_table(const Config& config);

/// {"config_hash", "config": the resolved document, "origins": {pointer: from}}
[[nodiscard]] std::string config_json(const Config& config);

/// {"ok", "faults": [{"where", "what"}]}
[[nodiscard]] std::string faults_json(std::span<const Fault> faults);

}  // namespace ppsim
