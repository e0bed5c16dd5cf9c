/// What a calibration came to, as a config that can be run.
#pragma once

#include <string>

#include "explore/calibrate/calibrate.hpp"
#include "ppsim/input/config/config.hpp"

namespace ppsim {

/// `config`, calibrated: its input is costs. The document that it was read from, with its sections replaced:
/// costs (and no model), the links of the cluster that were fitted, jitter; without stragglers, which are in
/// the costs. Paths are relative to the folder of `path`, where it will lie. `source`: where the figures come
/// from.
[[nodiscard]] std::string calibrated_config(const Config& config, const CalibrationReport& report,
                                            const std::string& source, const std::string& path);

}  // namespace ppsim
