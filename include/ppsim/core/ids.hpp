// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Ids: a rank is never a stage. Rank{3}, Stage{7} make one; index() gives the number back, to index arrays.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ppsim {

/// One pipeline position, 0..P-1: a tensor-parallel group of GPUs in step, with its data-parallel replicas.
enum class Rank : std::uint32_t {};

/// One contiguous piece of the model, 0..S-1, S = P x V. 16 bits, so that an Op stays 8 bytes.
enum class Stage : std::uint16_t {};

/// A rank's v-th stage, 0..V-1.
enum class Chunk : std::uint32_t {};

/// One micro-batch of a step, 0..M-1, global over both directions of a bidirectional schedule.
enum class MicroBatch : std::uint32_t {};

[[nodiscard]] constexpr std::size_t index(Rank id) {
  return static_cast<std::size_t>(id);
}
[[nodiscard]] constexpr std::size_t index(Stage id) {
  return static_cast<std::size_t>(id);
}
[[nodiscard]] constexpr std::size_t index(Chunk id) {
  return static_cast<std::size_t>(id);
}
[[nodiscard]] constexpr std::size_t index(MicroBatch id) {
  return static_cast<std::size_t>(id);
}

/// The most stages that a Stage id can name.
inline constexpr std::size_t kMaxStages = 65535;

}  // namespace ppsim
