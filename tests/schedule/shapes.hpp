/// Shapes for tests over every registered schedule: a new one gets these tests for free.
#pragma once

#include <cstdint>
#include <vector>

#include "ppsim/schedule/registry.hpp"

namespace ppsim {

/// Requests of `info` that fit, with default options: P 1..6, M 1..13, V as the schedule has it (1..3 where
/// it may choose).
inline std::vector<ScheduleRequest> fitting_requests(const ScheduleInfo& info) {
  std::vector<ScheduleRequest> requests;
  const OptionValues options = complete_options(info, {});
  std::uint32_t first = 1, last = 3;
  if (info.chunk_rule == ChunkRule::One) last = 1;
  if (info.chunk_rule == ChunkRule::Two) first = last = 2;
  if (info.chunk_rule == ChunkRule::Own) first = last = info.chunks(options);
  for (std::uint32_t P = 1; P <= 6; ++P) {
    for (std::uint32_t M = 1; M <= 13; ++M) {
      for (std::uint32_t V = first; V <= last; ++V) {
        const ScheduleRequest request{{P, M, V}, options, nullptr};
        if (!info.why_not || !info.why_not(request)) requests.push_back(request);
      }
    }
  }
  return requests;
}

}  // namespace ppsim
