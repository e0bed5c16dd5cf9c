/// A model on a cluster, cut into stages: what the cost model and the memory model share.
#pragma once

#include <cstdint>

#include "model/collectives/collective_cost.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/model/layers/model_input.hpp"
#include "ppsim/model/layers/stage_layout.hpp"

namespace ppsim {

/// Input of make_workload() after its checks. Borrows the cluster.
struct ModelRun {
  const Cluster& cluster;
  Parallelism parallelism;  ///< pipeline = shape.ranks
  Training training;
  RunShape shape;
  StageLayout layout;
  RunGroups groups;

  [[nodiscard]] bool inference() const { return shape.decode_steps.has_value(); }

  [[nodiscard]] Collectives collectives() const {
    return {groups, parallelism.collectives, Seconds(cluster.software.collective_overhead)};
  }

  /// Nothing for a tensor group of one GPU. With sequence parallelism an all-gather and a reduce-scatter.
  [[nodiscard]] CollectiveCost tensor_all_reduce(Bytes bytes) const;

  /// Of what the tensor group's GPUs each hold a copy, unless sequence parallelism splits it among them.
  [[nodiscard]] double sequence_split() const;

  /// Of a boundary, of which each GPU of the tensor group sends as much.
  [[nodiscard]] double boundary_split() const;

  /// Scatter/gather (Narayanan et al. 2021, section 4.1): each GPU has received its part of a boundary, and
  /// they gather the whole. 0 without.
  [[nodiscard]] Seconds boundary_gather(Bytes boundary) const;
};

/// Throws Error as make_workload() does. Borrows the input's cluster.
[[nodiscard]] ModelRun make_run(const ModelInput& input, const Parallelism& parallelism,
                                const RunShape& shape);

/// A stage, and which ends of the model it holds.
struct StagePlace {
  LayerRange layers;
  bool embedding = false;
  bool head = false;
};

[[nodiscard]] StagePlace stage_place(const StageLayout& layout, std::size_t stage);

/// Rounded up to a byte. Throws Error (where: "/model") past 2^53, where a double is not exact any more.
[[nodiscard]] Bytes to_bytes(double bytes);

/// to_time(), with an Error (where: "/model") that says where a duration does not fit.
[[nodiscard]] Time to_stage_time(Seconds seconds);

}  // namespace ppsim
