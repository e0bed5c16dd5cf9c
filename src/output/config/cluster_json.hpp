/// A measured cluster as a section of a config, as a JSON value.
#pragma once

#include <string>

#include "metrics/measured_cluster.hpp"
#include "ppsim/core/units.hpp"
#include "text/json_text.hpp"

namespace ppsim {

/// "12.5 GFLOP", to the last digit: the points of a curve ascend, however near they are.
[[nodiscard]] std::string flops_text(Flops flops);

[[nodiscard]] Json make_cluster_section(const MeasuredCluster& measured);

}  // namespace ppsim
