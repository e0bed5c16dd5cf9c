// Beam search: the branching of the exact search, but at each step only the most promising prefixes go on.
#pragma once

#include <cstddef>

#include "explore/order/order_exact.hpp"

namespace ppsim {

/// The best order found that is below `best`, or nothing. `width`: prefixes that go on. O(width x ops^2).
[[nodiscard]] std::optional<Order> search_beam(const OrderProblem& problem, Time best, std::size_t width,
                                               Deadline deadline);

}  // namespace ppsim
