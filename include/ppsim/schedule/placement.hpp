// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Placement: which rank holds a stage.
#pragma once

#include <cstdint>
#include <vector>

#include "ppsim/core/ids.hpp"

namespace ppsim {

/// route[direction][stage] -> rank. One direction, or two (down, up) where two copies of the weights run
/// against each other (Chimera, DualPipe). In two directions a stage lives on two ranks.
struct Placement {
  std::uint32_t ranks = 0;               ///< P
  std::vector<std::vector<Rank>> route;  ///< [directions][S]

  [[nodiscard]] std::uint32_t directions() const { return static_cast<std::uint32_t>(route.size()); }
  [[nodiscard]] std::uint32_t stages() const {
    return route.empty() ? 0 : static_cast<std::uint32_t>(route.front().size());
  }
  [[nodiscard]] Rank rank_of(Stage stage, std::uint32_t direction = 0) const {
    return route[direction][index(stage)];
  }

  /// Stages that `rank` holds, ascending, over all directions (so two for V = 1 in two directions).
  [[nodiscard]] std::vector<Stage> stages_of(Rank rank) const;

  friend bool operator==(const Placement&, const Placement&) = default;
};

/// V = 1: stage s on rank s.
[[nodiscard]] Placement linear_placement(std::uint32_t ranks);

/// Stage s on rank s mod P, S = P x V.
[[nodiscard]] Placement looped_placement(std::uint32_t ranks, std::uint32_t chunks);

/// The stages go up and down the ranks: with k = s div P and i = s mod P, stage s is on rank i for even k, on
/// P-1-i for odd k. Two chunks make a V-shape: a rank holds stages r and 2P-1-r.
[[nodiscard]] Placement wave_placement(std::uint32_t ranks, std::uint32_t chunks);

/// Two pipelines against each other, each with weights of its own: down (direction 0) has stage s on rank s,
/// up (direction 1) on rank P-1-s.
[[nodiscard]] Placement bidirectional_placement(std::uint32_t ranks);

}  // namespace ppsim
