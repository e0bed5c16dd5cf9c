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

}  // namespace ppsim
