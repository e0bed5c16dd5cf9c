// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// One step, many times, each with the jitter of its own draw.
#pragma once

#include <cstdint>

#include "ppsim/explore/run/run.hpp"
#include "ppsim/input/config/config.hpp"
#include "ppsim/metrics/runs.hpp"

namespace ppsim {

/// Simulates the graph of `run` `count` > 0 times on `threads` threads (0: as many as the machine has). Run i
/// is a pure function of the config, its seed and i: the report is the same for any number of threads, and
/// without jitter every run is `run` to the nanosecond. Throws Error (where: the config's jitter) where the
/// times of a run get out of hand.
[[nodiscard]] RunsReport run_many(const Config& config, const Run& run, std::uint32_t count,
                                  unsigned threads = 0);

}  // namespace ppsim
