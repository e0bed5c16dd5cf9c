/// A measured cluster as a section of a config.
#pragma once

#include <string>

#include "metrics/measured_cluster.hpp"

namespace ppsim {

/// A file for a config's `cluster`, with `description` and `source`; load_config() reads it back, figures to
/// five digits.
[[nodiscard]] std::string cluster_section(const MeasuredCluster& measured);

}  // namespace ppsim
