// What the checks of ops and of communication say alike.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ppsim/core/error.hpp"
#include "ppsim/core/ids.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// "rank 1: W of stage 0 is missing for micro-batches 3, 5, 7 and 12 more". Requires one number or more.
[[nodiscard]] Fault missing_fault(Rank rank, Stage stage, std::string_view kind,
                                  std::span<const std::uint32_t> micro_batches);

/// Why an action of that stage and micro-batch has no place on the rank: "does not exist: there are 4
/// stages", "is not this rank's: rank 1 holds the stage"; empty where it has one.
[[nodiscard]] std::optional<std::string> why_not_here(const Schedule& schedule, Rank rank, Stage stage,
                                                      MicroBatch micro_batch);

/// Calls visit(rank, direction, stage) for each stage that a rank holds, direction by direction.
template <class Visit>
void for_each_stage_of(const Schedule& schedule, Rank rank, Visit visit) {
  for (std::uint32_t direction = 0; direction < schedule.placement.directions(); ++direction) {
    for (std::uint32_t stage = 0; stage < schedule.stages(); ++stage) {
      const Stage id = static_cast<Stage>(stage);
      if (schedule.placement.rank_of(id, direction) == rank) visit(rank, direction, id);
    }
  }
}

}  // namespace ppsim
