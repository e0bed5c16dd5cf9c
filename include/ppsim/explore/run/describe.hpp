// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// What the stages of a config's model consist of, before anything is run.
#pragma once

#include <vector>

#include "ppsim/explore/run/run.hpp"
#include "ppsim/input/config/config.hpp"
#include "ppsim/model/costs/collective_table.hpp"
#include "ppsim/model/costs/product_list.hpp"
#include "ppsim/model/costs/stage_table.hpp"
#include "ppsim/model/costs/workload.hpp"

namespace ppsim {

struct ModelDescription {
  std::vector<StageTable> tables;  ///< [S] of a whole micro-batch
  Workload workload;               ///< of the schedule: of a slice, where it cuts micro-batches into slices
};

/// Stages as the config's schedule has them. Throws Error as make_plan() does, and for costs given outright,
/// which say nothing of operators.
[[nodiscard]] ModelDescription describe_model(const Config& config);

/// [S] The collectives of the stages that a plan's schedule has; none for costs given outright.
[[nodiscard]] std::vector<CollectiveRows> describe_collectives(const Config& config, const Plan& plan);

/// The matrix products of the config's model (model/product_list.hpp). Throws Error as make_plan() does, and
/// where there are none: costs given outright, layers given by their costs.
[[nodiscard]] std::vector<Product> describe_products(const Config& config);

/// The types of number that the config's model computes in. Requires a model.
[[nodiscard]] std::vector<Dtype> describe_dtypes(const Config& config);

}  // namespace ppsim
