/// The sections of a config that describe what is run.
#pragma once

#include "config_reader.hpp"
#include "ppsim/model/workload.hpp"

namespace ppsim {

[[nodiscard]] Cluster read_cluster(const ObjectReader& section);
[[nodiscard]] Model read_model(const ObjectReader& section);
[[nodiscard]] CostsInput read_costs(const ObjectReader& section);
[[nodiscard]] PairCost read_pair(const ObjectReader& section);  ///< its `overlapped_pair`

/// With `costs`, what only a model gives a meaning to is an error.
[[nodiscard]] Parallelism read_parallelism(const ObjectReader& section, bool with_costs);

}  // namespace ppsim
