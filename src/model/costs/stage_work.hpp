/// What a stage's passes consist of on one GPU, for who runs them for real.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "ppsim/model/layers/operators.hpp"

namespace ppsim {

/// Of the tensor group's GPUs, each of which has so many bytes: an all-reduce.
struct TensorReduction {
  Bytes bytes;
};

using WorkItem = std::variant<Product, Traffic, TensorReduction>;

/// Items in order, so many times one after the other: a layer, and how many there are.
struct WorkPart {
  std::vector<WorkItem> items;
  std::uint32_t times = 1;
};

/// One pass of one micro-batch.
struct PassWork {
  std::vector<WorkPart> parts;
  Time other_comm{};  ///< of collectives that are no items (experts, context, ZeRO), as StageCosts has it
};

/// Of F, I and W, and of R, or recomputation is the first part of I. B has no work of its own: B is I, then
/// W.
using StageWork = ByOpKind<PassWork>;

/// [S] of the stages that make_workload() makes of the same input, in training; throws as it does. Empty for
/// layers given by their costs, for inference, and for slices of micro-batches.
[[nodiscard]] std::vector<StageWork> make_stage_work(const ModelInput& input, const Parallelism& parallelism,
                                                     const RunShape& shape);

}  // namespace ppsim
