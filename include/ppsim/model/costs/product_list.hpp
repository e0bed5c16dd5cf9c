// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// The matrix products that a model consists of.
#pragma once

#include <vector>

#include "ppsim/model/costs/workload.hpp"
#include "ppsim/model/layers/operators.hpp"

namespace ppsim {

/// Products with weights, forward and backward, of all stages that make_workload() makes of the same input,
/// as one GPU runs them; throws as it does. Each m, n, k once, ascending, those that run several at once as
/// one of so many times m. Empty for layers given by their costs.
[[nodiscard]] std::vector<Product> list_products(const ModelInput& input, const Parallelism& parallelism,
                                                 const RunShape& shape);

}  // namespace ppsim
