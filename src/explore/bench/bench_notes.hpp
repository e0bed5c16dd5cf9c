// What a reader should know of a measured cluster before he believes it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "explore/bench/bench_cluster.hpp"

namespace ppsim {

[[nodiscard]] std::string_view scope_name(LinkScope scope);  ///< "inside a node"

/// A line each.
[[nodiscard]] std::vector<std::string> bench_notes(const MeasuredCluster& cluster,
                                                   const BenchSamples& samples, const BenchPlan& plan);

}  // namespace ppsim
