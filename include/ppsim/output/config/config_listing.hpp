// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// A resolved config for people and scripts.
#pragma once

#include <string>

#include "ppsim/input/config/config.hpp"

namespace ppsim {

/// Every value of the resolved document and where it came from, a row each.
[[nodiscard]] std::string config_table(const Config& config);

/// The resolved document as a config: every default is written out, and the version whose defaults they are
/// named, so that the file means the same for every later version. Pinned again, it has the same bytes.
[[nodiscard]] std::string pinned_config(const Config& config);

/// {"config_hash", "config": the resolved document, "origins": {pointer: from}}
[[nodiscard]] std::string config_json(const Config& config);

}  // namespace ppsim
