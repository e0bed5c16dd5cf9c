/// What an op takes on the rank that runs it, and a transfer on the links that it crosses.
#pragma once

#include <optional>

#include "ppsim/core/op.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// Tensor-parallel collectives inside an op, as its stage's costs have them.
[[nodiscard]] Time tensor_comm(const Schedule& schedule, const Workload& workload, Op op);

/// The same on a rank whose links may not have all of their bandwidth.
[[nodiscard]] Time tensor_comm(const Schedule& schedule, const Workload& workload, Op op,
                               const RankSpeed& speed);

/// Collectives of experts, context and ZeRO inside an op, as its stage's costs have them.
[[nodiscard]] Time other_comm(const Schedule& schedule, const Workload& workload, Op op);

/// What the collectives of an op put on each GPU's ports; of one bucket, where buckets are ops of their own.
[[nodiscard]] CollectiveBytes collective_bytes(const Schedule& schedule, const Workload& workload, Op op);

/// An op that takes `duration` by its stage's costs, on a rank of that speed: its collectives by the links',
/// the rest by the GPUs'. Rounded half up once; exact where nothing is slower. Saturates at Time::max().
[[nodiscard]] Time duration_at(const Schedule& schedule, const Workload& workload, Op op, Time duration,
                               const RankSpeed& speed);

/// What the tensor group of rank `to` takes to gather what it has received, as a stage's costs have it; at
/// the pace of that rank's links. Saturates at Time::max().
[[nodiscard]] Time gather_on(const Workload& workload, Rank to, Time gather);

/// The route between two different ranks, of all replicas or of one, as a run has it: links that do not have
/// all of their bandwidth slow it down.
[[nodiscard]] Route route_between(const Network& network, const LinkFactors& factors, Rank from, Rank to,
                                  std::optional<std::uint32_t> replica = std::nullopt);

/// What such a link has left of its capacity.
[[nodiscard]] BytesPerSecond capacity_left(const Network& network, const LinkFactors& factors, LinkId link,
                                           BytesPerSecond capacity);

}  // namespace ppsim
