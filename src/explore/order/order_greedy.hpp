// Orders by greedy rules: in seconds for any shape.
#pragma once

#include <cstdint>
#include <vector>

#include "explore/order/order_problem.hpp"

namespace ppsim {

/// Which of the ops that a rank could start it takes.
struct GreedyRule {
  bool forward_first = false;  ///< before gradients; else behind
  bool late_chunk_first = true;
  /// A weight gradient is put off where another op is known to come before this share of it is done: it fills
  /// waits, and this is how long an overrun it may cause.
  double patience = 1;
  /// Micro-batches in flight, at most, in units of those that 1F1B has on the rank (`steep`) or on the first
  /// rank; 0: as memory allows.
  double in_flight = 0;
  bool steep = true;
};

/// All of them for shapes up to some thousand ops, a few for larger ones.
[[nodiscard]] std::vector<GreedyRule> greedy_rules(const OrderProblem& problem);

/// Always legal: never deadlocks, keeps the memory limit. O(ops x (ranks + chunks)).
[[nodiscard]] Order make_greedy_order(const OrderProblem& problem, const GreedyRule& rule);

}  // namespace ppsim
