// The clocks of all processes of a replay, measured before its steps and behind them.
#pragma once

#include <string>
#include <vector>

#include "replay/clocks.hpp"
#include "replay/group.hpp"

namespace ppsim {

class StepClocks {
 public:
  explicit StepClocks(Group& group) : group_(group), clocks_(group.transport().size()) {}

  /// All processes call it: one clock for all, as virtual ones are.
  void take_one();
  /// All processes call these, before all steps and behind them.
  void begin();
  void end();

  /// All processes call it, each when it is ready. A moment soon, the same for all, on this process' clock.
  /// `group`: of the same processes, as patient as they need.
  [[nodiscard]] Time agree_on_start(Group& group) const;

  [[nodiscard]] const std::vector<RankClock>& all() const { return clocks_; }  ///< [processes] on rank 0
  [[nodiscard]] std::string note() const;  ///< on rank 0: how well they agree

 private:
  void measure(ClockOffset RankClock::*when);

  Group& group_;
  std::vector<RankClock> clocks_;
};

}  // namespace ppsim
