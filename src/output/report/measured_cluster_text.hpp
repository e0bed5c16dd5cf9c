/// A measured cluster for people and scripts.
#pragma once

#include <string>

#include "metrics/measured_cluster.hpp"

namespace ppsim {

/// Tables of what was measured, fits beside it; then the notes.
[[nodiscard]] std::string measured_cluster_table(const MeasuredCluster& measured);

/// {"ppsim_version", "nodes", "ranks_per_node", "links": [...], "gpu": {...}, "cluster": the section,
/// "notes"}
[[nodiscard]] std::string measured_cluster_json(const MeasuredCluster& measured);

}  // namespace ppsim
