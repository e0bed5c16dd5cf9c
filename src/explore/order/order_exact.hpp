// The exact search: branch and bound over orders.
#pragma once

#include <chrono>
#include <optional>

#include "explore/order/order_problem.hpp"

namespace ppsim {

/// When a search must end, ready or not; none: the result does not depend on the machine.
using Deadline = std::optional<std::chrono::steady_clock::time_point>;

struct ExactResult {
  std::optional<Order> better;  ///< the best order, where it is below the bound that the search began with
  Time value{};                 ///< its objective
  bool complete = false;        ///< the search came to its end: nothing is below `value`, or the given bound
  std::uint64_t nodes = 0;
};

/// The most types that a rank may have.
inline constexpr std::size_t kMostTypes = 64;

/// Looks for orders with an objective below `best`; no order is below `lower_bound`. Visits at most `nodes`.
[[nodiscard]] ExactResult search_exactly(const OrderProblem& problem, Time best, Time lower_bound,
                                         std::uint64_t nodes, Deadline deadline);

}  // namespace ppsim
