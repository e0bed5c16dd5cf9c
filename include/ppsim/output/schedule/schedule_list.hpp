// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Listings for people and scripts: the schedules there are, the faults of a schedule.
#pragma once

#include <span>
#include <string>

#include "ppsim/core/error.hpp"
#include "ppsim/schedule/registry.hpp"

namespace ppsim {

/// A paragraph a schedule: what it is, placement, constraint, formulas, source; `verbose` adds its options.
[[nodiscard]] std::string schedule_list_text(std::span<const ScheduleInfo* const> schedules, bool verbose);
[[nodiscard]] std::string schedule_list_json(std::span<const ScheduleInfo* const> schedules);

/// {"ok", "faults": [{"where", "what"}]}
[[nodiscard]] std::string faults_json(std::span<const Fault> faults);

}  // namespace ppsim
