// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// A model on a cluster, and the shape in which a schedule runs it.
#pragma once

#include <cstdint>
#include <optional>

#include "ppsim/model/hardware/cluster.hpp"
#include "ppsim/model/layers/training.hpp"
#include "ppsim/model/layers/transformer.hpp"

namespace ppsim {

/// A model and how it is trained, on a cluster.
struct ModelInput {
  Cluster cluster;
  Model model;
  Training training = {};
};

/// What is run: P ranks, S stages, and for inference the token steps after prefill.
struct RunShape {
  std::uint32_t ranks = 1;
  std::uint32_t stages = 1;
  std::optional<std::uint32_t> decode_steps{};  ///< empty: training
  std::uint32_t slices = 1;           ///< of a micro-batch's sequence, each run as a unit of its own
  std::uint32_t steps = 1;            ///< optimizer steps in a row
  std::uint32_t weight_versions = 1;  ///< of each stage's weights, held at once
  bool recompute_ahead = false;       ///< recomputation is an op of its own, R, and no part of B and I
};

}  // namespace ppsim
