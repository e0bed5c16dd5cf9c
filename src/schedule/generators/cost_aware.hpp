// What the schedules that look at costs read of them: hops, activation memory and limits on it.
#pragma once

#include <optional>
#include <string>

#include "ppsim/schedule/registry.hpp"

namespace ppsim {

/// Activation memory of one stage and one micro-batch: what F takes, and what I and W give back (below zero;
/// the three sum to 0).
struct OpMemory {
  Bytes forward;      ///< mF
  Bytes input_grad;   ///< mI
  Bytes weight_grad;  ///< mW
};

/// Of a stage that keeps `activation` and still `rest` of it when I has ended. Where nothing is known of
/// activations (0 bytes), a micro-batch counts as one unit that is kept until W.
[[nodiscard]] OpMemory op_memory(Bytes activation, Bytes rest);

/// The bytes (or units, see op_memory) that a limit means: its times are P x mF, rounded down to a byte; more
/// than `most` x mF, which is never needed, is cut off.
[[nodiscard]] Bytes limit_bytes(MemoryLimit limit, std::uint32_t ranks, std::uint64_t most, Bytes forward);

/// The slowest transfer between neighbouring stages on different ranks, in either direction.
[[nodiscard]] Time largest_hop(const Placement& placement, const Workload& workload);

/// Empty where the request has costs with which a limit of its option "limit" is meaningful, and clocks that
/// cannot overflow; else one line.
[[nodiscard]] std::optional<std::string> why_not_costs(const ScheduleRequest& request,
                                                       const Placement& placement);

/// Empty where the limit is at least `units` x mF; else one line. `what` names those units.
[[nodiscard]] std::optional<std::string> why_not_limit(MemoryLimit limit, std::uint32_t ranks,
                                                       std::uint64_t units, Bytes forward,
                                                       const std::string& what);

}  // namespace ppsim
