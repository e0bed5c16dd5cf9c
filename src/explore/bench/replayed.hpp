/// A config as something to replay.
#pragma once

#include "explore/run/measured.hpp"
#include "ppsim/explore/run/run.hpp"
#include "replay/gpu/gpu_replay.hpp"
#include "replay/replay.hpp"

namespace ppsim {

struct ReplayPlan {
  Plan plan;
  OpGraph graph;
};

/// Plan and graph of a config. Throws Error where the mode cannot run what the config asks for, and
/// DeadlockError for an order that would wait for ever.
[[nodiscard]] ReplayPlan make_replay_plan(const Config& config, ReplayMode mode);

/// What GPUs need to know of it, beside the graph; what the user asks for is still to be set. Throws Error
/// where the config does not say what Gemm computes.
[[nodiscard]] GpuReplayOptions make_gpu_options(const Config& config, const ReplayPlan& plan,
                                                GpuCompute compute);

/// Puts what the GPUs had in use into the report, beside what the model says.
void add_gpu_memory(MeasuredRun& measured, const std::vector<GpuMemory>& memory);

}  // namespace ppsim
