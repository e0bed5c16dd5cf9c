#include "ppsim/explore/replayed.hpp"

#include <utility>

#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

// Who shares a link is known only where all transfers are.
void check_contention(const Config& config, ReplayMode mode) {
  if (mode != ReplayMode::Virtual || config.simulation.contention == Contention::None) return;
  throw Error(locate(config, "/simulation/contention"),
              "virtual clocks know nothing of links that transfers share: expected none (--contention none)");
}

}  // namespace

ReplayPlan make_replay_plan(const Config& config, ReplayMode mode) {
  check_contention(config, mode);
  Plan plan = make_plan(config);
  OpGraph graph = make_graph(config, plan);
  if (const auto cycle = find_cycle(graph); !cycle.empty())
    throw deadlock_in(config, make_deadlock_error(graph, cycle));
  return {std::move(plan), std::move(graph)};
}

}  // namespace ppsim
