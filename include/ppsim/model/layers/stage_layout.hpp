// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// StageLayout: which layers a stage holds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ppsim/core/ids.hpp"

namespace ppsim {

/// Half-open range of layers, counted from 0 (reports count from 1).
struct LayerRange {
  std::uint32_t first = 0;
  std::uint32_t count = 0;

  friend bool operator==(const LayerRange&, const LayerRange&) = default;
};

/// [S] layers of each stage, in order; the embedding goes with the first stage and the head with the last.
struct StageLayout {
  std::vector<LayerRange> stages;
};

/// Even: S stages of layers / S each; where S does not divide the layers the first `layers mod S` stages hold
/// one more. Throws Error where there are fewer layers than stages, or more than kMaxStages stages.
[[nodiscard]] StageLayout make_even_layout(std::uint32_t layers, std::uint32_t stages);

/// Even with embedding and head as a layer each: the first stage and the last hold one layer less, which may
/// leave them none. Throws Error likewise.
[[nodiscard]] StageLayout make_balanced_layout(std::uint32_t layers, std::uint32_t stages);

/// Uneven: `counts` [S]; a stage without layers has the embedding or the head alone, or only hands on. Throws
/// Error unless they sum to `layers` and there are `stages` of them.
[[nodiscard]] StageLayout make_layout(std::uint32_t layers, std::uint32_t stages,
                                      std::span<const std::uint32_t> counts);

}  // namespace ppsim
