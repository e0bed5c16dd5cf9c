/// A measured cluster for people and scripts.
#pragma once

#include <string>

#include "ppsim/metrics/measured_cluster.hpp"

namespace ppsim {

/// A file for a config's `cluster`, with `description` and `source`; load_config() reads it back, figures to
/// five digits.
[[nodiscard]] std::string cluster_section(const MeasuredCluster& measured);

/// Tables of what was measured, fits beside it; then the notes.
[[nodiscard]] std::string measured_cluster_table(const MeasuredCluster& measured);

/// {"ppsim_version", "nodes", "ranks_per_node", "links": [...], "gpu": {...}, "cluster": the section,
/// "notes"}
[[nodiscard]] std::string measured_cluster_json(const MeasuredCluster& measured);

}  // namespace ppsim
