// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Checks of a whole schedule: order, deadlock, memory; every fault, not the first.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ppsim/core/error.hpp"
#include "ppsim/input/config/config.hpp"
#include "ppsim/metrics/report.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

struct ScheduleCheck {
  Schedule schedule;
  std::vector<Fault> faults;  ///< of grammar; or else of shape and order; or else the deadlock, and memory
  std::vector<std::string> notes;  ///< lines that the user should see
  std::optional<Report> report;    ///< where it runs to its end
};

/// The schedule that a config names, on its costs: order, sends and receives that a file brings, deadlock,
/// memory against the GPU's. Throws Error for a config that is wrong by itself, and for a schedule that
/// cannot be generated.
[[nodiscard]] ScheduleCheck check_schedule(const Config& config);

/// A bare file: order, sends and receives, and deadlock (every op 1 ns, transfers free; sends and receives
/// that it has run in its order, one after the other on each rank). Throws Error where it cannot be read.
[[nodiscard]] ScheduleCheck check_schedule_file(const std::string& path);

}  // namespace ppsim
