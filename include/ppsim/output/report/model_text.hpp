// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// The operators of each stage, and what a stage keeps in memory, as tables and as JSON.
#pragma once

#include <span>
#include <string>

#include "ppsim/input/config/config.hpp"
#include "ppsim/model/costs/stage_table.hpp"
#include "ppsim/model/costs/workload.hpp"

namespace ppsim {

/// A table for each stage, one for neighbours that are alike; a table of memory with a row a stage; the list
/// of assumptions. `tables` [S] and `workload` are of the same input.
[[nodiscard]] std::string model_table(std::span<const StageTable> tables, const Workload& workload);

/// One JSON object, two-space indent, newline at the end: "stages": [{"stage", "layers", "operators", memory
/// and times of the stage}].
[[nodiscard]] std::string model_json(std::span<const StageTable> tables, const Workload& workload,
                                     const Config& config);

}  // namespace ppsim
