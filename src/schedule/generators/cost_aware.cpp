#include "schedule/generators/cost_aware.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/int128.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

// Large, so that limits of half a micro-batch and the like are whole numbers.
constexpr Bytes kUnit(1 << 20);

// What decimal fractions lose in binary: 0.57 x 100 is a whole number.
constexpr double kBinaryFraction = 0x1p-50;

// No clock of a builder can pass all durations and hops, one after the other.
bool clocks_fit(const Shape& shape, const Workload& workload, Time hop) {
  Int128 stage = 0;
  for (const StageCosts& costs : workload.stages)
    for (const OpKind kind : {OpKind::Forward, OpKind::InputGrad, OpKind::WeightGrad})
      stage += costs.duration(kind).count();
  const Int128 hops = 2 * static_cast<Int128>(workload.stages.size()) * hop.count();
  return (stage + hops) * shape.micro_batches <= (Int128{1} << 62);
}

}  // namespace

OpMemory op_memory(Bytes activation, Bytes rest) {
  if (activation == Bytes(0)) return {kUnit, Bytes(0), Bytes(0) - kUnit};
  return {activation, rest - activation, Bytes(0) - rest};
}

Bytes limit_bytes(MemoryLimit limit, std::uint32_t ranks, std::uint64_t most, Bytes forward) {
  if (limit.times == 0) return limit.bytes;
  const double units = std::min(limit.times * ranks, static_cast<double>(most));
  const double bytes = units * static_cast<double>(forward.count());
  return Bytes(static_cast<std::int64_t>(bytes * (1 + kBinaryFraction)));
}

Time largest_hop(const Placement& placement, const Workload& workload) {
  const std::vector<Rank>& route = placement.route.front();
  Time largest{};
  for (std::size_t stage = 1; stage < route.size(); ++stage) {
    const Rank before = route[stage - 1], here = route[stage];
    if (before == here) continue;
    const StageCosts& down = workload.stages[stage - 1];
    const StageCosts& up = workload.stages[stage];
    largest = std::max(
        {largest, workload.network.route(before, here).transfer(down.forward_transfer, down.forward_gather),
         workload.network.route(here, before).transfer(up.backward_transfer, up.backward_gather)});
  }
  return largest;
}

std::optional<std::string> why_not_costs(const ScheduleRequest& request, const Placement& placement) {
  if (request.costs == nullptr) return "it looks at the costs of the stages: expected a request with costs";
  const Workload& workload = *request.costs;
  PPSIM_ASSERT(workload.stages.size() == placement.stages(),
               fmt::format("costs of {} stages for {}", workload.stages.size(), placement.stages()));
  const auto unknown = [](const StageCosts& costs) { return costs.activation == Bytes(0); };
  const auto found = std::find_if(workload.stages.begin(), workload.stages.end(), unknown);
  if (request.limit("limit").times == 0 && found != workload.stages.end()) {
    return fmt::format(
        "the limit is in bytes, and stage {} keeps 0 bytes of a micro-batch: expected its "
        "activation, or a limit like \"2p\"",
        found - workload.stages.begin());
  }
  if (clocks_fit(request.shape, workload, largest_hop(placement, workload))) return std::nullopt;
  return "all durations together pass 2^62 ns (146 years): expected shorter ops or fewer of them";
}

std::optional<std::string> why_not_limit(MemoryLimit limit, std::uint32_t ranks, std::uint64_t units,
                                         Bytes forward, const std::string& what) {
  const Bytes least = static_cast<std::int64_t>(units) * forward;
  if (limit_bytes(limit, ranks, units, forward) >= least) return std::nullopt;
  if (limit.times == 0)
    return fmt::format("limit {}: expected at least {} B, {}", to_text(limit), least.count(), what);
  const double times = std::ceil(1e4 * static_cast<double>(units) / ranks) / 1e4;
  return fmt::format("limit {} with {} ranks: expected at least {}p, {}", to_text(limit), ranks, times, what);
}

}  // namespace ppsim
