// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Where a stage's time and memory go: one row an operator.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/model/costs/workload.hpp"

namespace ppsim {

/// One operator of a stage on one GPU, for one micro-batch, over all layers that have it.
struct OperatorRow {
  std::string name;
  std::uint32_t layers = 0;  ///< that have it; 0: it belongs to an end of the model, or to the whole stage
  double parameters = 0;
  Flops flops;       ///< of its forward, masked scores included
  Bytes activation;  ///< kept from forward to backward
  Seconds forward{};
  Seconds recompute{};
  Seconds input_grad{};
  Seconds weight_grad{};

  friend bool operator==(const OperatorRow&, const OperatorRow&) = default;
};

/// In the order of the forward; last the collectives, where there are any: of a context ring as much as no
/// compute hides, of others all. The times sum up to those of the stage before these are rounded, but for
/// what is no operator's: collectives that the training overlaps, launches that the GPU waits for, overheads
/// of passes and of checkpoints.
struct StageTable {
  LayerRange layers;
  std::vector<OperatorRow> rows;
};

/// [S] Of the stages that make_workload() makes of the same input, in inference of the prefill; throws as it
/// does. Layers given by their costs are one row.
[[nodiscard]] std::vector<StageTable> make_stage_tables(const ModelInput& input,
                                                        const Parallelism& parallelism,
                                                        const RunShape& shape);

}  // namespace ppsim
