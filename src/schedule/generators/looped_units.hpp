// What schedules on the looped placement share: the order in which a rank walks its chunks and micro-batches.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ppsim/schedule/registry.hpp"

namespace ppsim {

/// One chunk of one micro-batch.
struct LoopedUnit {
  std::uint32_t micro_batch;
  std::uint32_t chunk;
};

/// Groups of G micro-batches; within a group chunk by chunk, within a chunk micro-batch by micro-batch. [M V]
[[nodiscard]] std::vector<LoopedUnit> looped_units(std::uint32_t M, std::uint32_t V, std::uint32_t G);

/// Option `group`: 0 stands for the default.
[[nodiscard]] OptionSpec group_option();

/// G: as given; by default P where P divides M, else M / rounds with rounds = max(1, M div P). Empty where
/// rounds does not divide M.
[[nodiscard]] std::optional<std::uint32_t> group_size(const ScheduleRequest& request);

/// Why a group does not fit: legal is P <= G <= M with a last group that is full or has at least P members,
/// or, with fewer micro-batches than ranks, G = M. Others deadlock in about a third of shapes.
[[nodiscard]] std::optional<std::string> why_not_group(const ScheduleRequest& request);

/// The constraint in words.
inline constexpr const char* kGroupConstraint =
    "groups of G micro-batches: P <= G <= M, the last one full or at least P; or M < P and G = M";

}  // namespace ppsim
