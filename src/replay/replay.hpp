/// Replay: OpGraph -> measured Timeline, by real processes that send real messages.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "replay/group.hpp"

namespace ppsim {

enum class ReplayMode : std::uint8_t {
  Virtual,  ///< nobody waits: messages carry clocks, the links of the graph take their time
  Wait,     ///< an op is a wait; messages of the real size take what they take
  Compute,  ///< an op is a matrix product of about its duration; messages as in Wait
};

struct ReplayOptions {
  ReplayMode mode = ReplayMode::Virtual;
  std::uint32_t steps = 1;   ///< measured, at least one
  std::uint32_t warmup = 0;  ///< before them
  /// Called before each step with its number, warm-up included, from 0.
  std::function<void(std::uint32_t)> on_step = [](std::uint32_t) {};
};

/// On rank 0; empty on the others.
struct ReplayResult {
  /// Each from its own first start. Virtual: exactly what simulate() gives with Contention("none"). Else
  /// departure is when the sender posts a message, arrival when the receiver sees it, both on rank 0's clock.
  std::vector<Timeline> steps;
  std::vector<std::string> notes;  ///< how it was measured, for the list of assumptions
};

/// How long a rank waits for a message before it gives up, at the least, and how long it may have to where
/// ops take time: until all of them have run one after the other.
[[nodiscard]] Time patience_for(const OpGraph& graph, ReplayMode mode, Time least);

/// All ranks of the graph call it, each with the same graph and options; each runs its own rank and sends
/// nothing but that rank's messages. Throws JointError where that is not so or the machine or this build
/// cannot do it, and ReplayError, which names rank and op, where a message does not come. Requires
/// find_cycle(graph) to be empty.
[[nodiscard]] ReplayResult replay(const OpGraph& graph, Group& group, const ReplayOptions& options);

}  // namespace ppsim
