/// A config as something to replay.
#pragma once

#include "ppsim/explore/run.hpp"
#include "ppsim/replay/replay.hpp"

namespace ppsim {

struct ReplayPlan {
  Plan plan;
  OpGraph graph;
};

/// Plan and graph of a config. Throws Error where the mode cannot run what the config asks for, and
/// DeadlockError for an order that would wait for ever.
[[nodiscard]] ReplayPlan make_replay_plan(const Config& config, ReplayMode mode);

}  // namespace ppsim
