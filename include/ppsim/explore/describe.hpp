/// What the stages of a config's model consist of, before anything is run.
#pragma once

#include <vector>

#include "ppsim/io/config.hpp"
#include "ppsim/model/stage_table.hpp"
#include "ppsim/model/workload.hpp"

namespace ppsim {

struct ModelDescription {
  std::vector<StageTable> tables;  ///< [S] of a whole micro-batch
  Workload workload;               ///< of the schedule: of a slice, where it cuts micro-batches into slices
};

/// Stages as the config's schedule has them. Throws Error as make_plan() does, and for costs given outright,
/// which say nothing of operators.
[[nodiscard]] ModelDescription describe_model(const Config& config);

}  // namespace ppsim
