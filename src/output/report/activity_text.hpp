/// Where the GPUs of a profiled job spent their time, as a table and as JSON.
#pragma once

#include <span>
#include <string>

#include "metrics/gpu_trace.hpp"

namespace ppsim {

/// A row a rank, in the order given. `activities` [traces].
[[nodiscard]] std::string activity_table(std::span<const GpuTrace> traces,
                                         std::span<const GpuActivity> activities);

/// {"ppsim_version", "bubble_fraction", "ranks": [{"rank", "file", "steps", "step_time_ns", "window_ns",
/// "compute_ns", "collective_ns", "transfer_ns", "wait_ns", "idle_ns", "bubble_fraction"}]}
[[nodiscard]] std::string activity_json(std::span<const GpuTrace> traces,
                                        std::span<const GpuActivity> activities);

}  // namespace ppsim
