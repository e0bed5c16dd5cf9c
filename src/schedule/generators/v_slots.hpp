// Slot tables of the V-shaped schedules with controllable memory: Qi, Wan, Amar, Lin, "Pipeline Parallelism
// with Controllable Memory", NeurIPS 2024; the reordering is that of the sail-sg project.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace ppsim {

/// What stands in a slot of a rank: an op of time 1. A micro-batch passes the phases 0 to 3 in this order,
/// and micro-batches of a phase come in theirs, so that a cell need not name its own.
enum class VCell : std::uint8_t {
  ForwardDown,    ///< 0: F of the stage on the way down the V
  ForwardBack,    ///< 1: F of the stage on the way back
  InputGradBack,  ///< 2: I of the stage on the way back
  InputGradDown,  ///< 3: I of the stage on the way down
  WeightGrad,     ///< of the I that has waited longest
  Empty,
};

using VRow = std::vector<VCell>;

/// A rank's slots of the phases of micro-batch 0.
using VOffsets = std::array<std::uint32_t, 4>;

/// A row of `micro_batches` micro-batches, each `kVPeriod` slots behind the one before; no W yet.
inline constexpr std::uint32_t kVPeriod = 6;
[[nodiscard]] VRow repeat_block(const VOffsets& offsets, std::uint32_t micro_batches);

/// Moves ops of the rows ([P], as repeat_block makes them, one micro-batch count for all) to earlier slots,
/// as far as no rank's peak of activations grows past the largest of any rank, first with W in their slots,
/// then without. Only warm-up and cool-down move: O(P) ops a rank, each by O(P) slots, so O(P M + P^3) in
/// all.
[[nodiscard]] std::vector<VRow> compact(std::vector<VRow> rows, std::uint32_t micro_batches);

}  // namespace ppsim
