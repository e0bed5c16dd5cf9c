// Local search: an order made better by moving single ops within their rank.
#pragma once

#include "explore/order/order_exact.hpp"

namespace ppsim {

/// Tries `moves` random moves from `order`, a legal one, and returns the best order on the way. Stops at
/// `lower_bound`. The same seed gives the same order (unless the deadline ends it).
[[nodiscard]] Order improve_order(const OrderProblem& problem, Order order, Time lower_bound,
                                  std::uint64_t moves, std::uint64_t seed, Deadline deadline);

}  // namespace ppsim
