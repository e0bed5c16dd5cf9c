/// What a calibration came to, as tables for people and as JSON.
#pragma once

#include <string>

#include "explore/calibrate/calibrate.hpp"

namespace ppsim {

[[nodiscard]] std::string calibration_table(const CalibrationReport& report);
[[nodiscard]] std::string calibration_json(const CalibrationReport& report);

}  // namespace ppsim
