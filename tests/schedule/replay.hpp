/// A replay of its own, to check closed forms against: SCHEDULES section 1, no graph, no engine. Not fast.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "ppsim/schedule/registry.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

struct Replayed {
  Time makespan{};       ///< from 0 to the last end
  Time max_rank_span{};  ///< largest time from a rank's first start to its last end
};

/// An op starts when its rank is free and its inputs have ended, plus the hop where they ended on another
/// rank; sending costs the sender nothing.
class Replay {
 public:
  Replay(const Schedule& schedule, const UniformCosts& costs)
      : schedule_(schedule),
        costs_(costs),
        forward_(std::size_t{schedule.stages()} * schedule.micro_batches, kNever),
        gradient_(forward_) {}

  /// Empty where the order deadlocks. Requires an order without faults.
  std::optional<Replayed> run() {
    std::vector<Clock> clocks(schedule_.ranks());
    for (bool progress = true; progress;) {
      progress = false;
      for (std::uint32_t rank = 0; rank < schedule_.ranks(); ++rank) {
        while (step(Rank{rank}, clocks[rank])) progress = true;
      }
    }
    Replayed result;
    for (std::uint32_t rank = 0; rank < schedule_.ranks(); ++rank) {
      const Clock& clock = clocks[rank];
      if (clock.next < schedule_.program(Rank{rank}).size()) return std::nullopt;
      result.makespan = std::max(result.makespan, clock.end);
      result.max_rank_span = std::max(result.max_rank_span, clock.end - clock.first_start);
    }
    return result;
  }

 private:
  static constexpr Time kNever = Time::max();

  struct Clock {
    std::size_t next = 0;  // position in the program
    Time first_start{};
    Time end{};
    Time evicted{};  // end of the last EVICT
  };

  // Runs the rank's next op, or pair, if its inputs are known.
  bool step(Rank rank, Clock& clock) {
    const auto rest = schedule_.program(rank).subspan(clock.next);
    if (rest.empty()) return false;
    const auto action = rest.first(rest[0].overlaps_next ? 2 : 1);
    Time start = clock.end;
    if (is_copy(rest[0].kind)) {  // beside compute: an F waits for what leaves, a backward for what comes
      const Time end = clock.end + costs_.copy;
      if (rest[0].kind == OpKind::Evict) clock.evicted = std::max(clock.evicted, end);
      if (rest[0].kind == OpKind::Load) end_of(forward_, rest[0].stage, rest[0].micro_batch) = end;
      ++clock.next;
      return true;
    }
    if (rest[0].kind == OpKind::Forward) start = std::max(start, clock.evicted);
    for (const Op op : action) {
      const Time arrival = arrival_of_inputs(rank, op);
      if (arrival == kNever) return false;
      start = std::max(start, arrival);
    }
    if (clock.next == 0) clock.first_start = start;
    clock.end = start + duration(action);
    clock.next += action.size();
    for (const Op op : action) {
      if (op.kind == OpKind::Forward) end_of(forward_, op.stage, op.micro_batch) = clock.end;
      if (needs_gradient(op.kind)) end_of(gradient_, op.stage, op.micro_batch) = clock.end;
    }
    return true;
  }

  [[nodiscard]] Time duration(std::span<const Op> action) const {
    if (action.size() == 2 && costs_.pair) return *costs_.pair;
    Time sum{};
    for (const Op op : action) {
      if (op.kind == OpKind::Forward) sum += costs_.forward;
      if (op.kind == OpKind::Backward) sum += costs_.backward;
      if (op.kind == OpKind::InputGrad) sum += costs_.input_grad;
      if (op.kind == OpKind::WeightGrad) sum += costs_.weight_grad;
      if (op.kind == OpKind::Recompute) sum += costs_.recompute;
    }
    return sum;
  }

  Time arrival_of_inputs(Rank rank, Op op) {
    const std::size_t stage = index(op.stage), last = schedule_.stages() - std::size_t{1};
    const std::uint32_t requests = schedule_.requests;
    if (op.kind == OpKind::WeightGrad) return end_of(gradient_, op.stage, op.micro_batch);
    if (op.kind == OpKind::Recompute) return end_of(forward_, op.stage, op.micro_batch);
    if (needs_gradient(op.kind)) {
      const Time own = end_of(forward_, op.stage, op.micro_batch);
      return stage == last ? own : std::max(own, arrival(rank, gradient_, stage + 1, op.micro_batch));
    }
    if (stage > 0) return arrival(rank, forward_, stage - 1, op.micro_batch);
    if (requests == 0 || index(op.micro_batch) < requests) return Time{};
    return arrival(rank, forward_, last, static_cast<MicroBatch>(index(op.micro_batch) - requests));
  }

  Time arrival(Rank at, std::vector<Time>& ends, std::size_t stage, MicroBatch micro_batch) {
    const Stage id = static_cast<Stage>(stage);
    const Time end = end_of(ends, id, micro_batch);
    const bool local = schedule_.placement.rank_of(id, schedule_.direction(micro_batch)) == at;
    return end == kNever || local ? end : end + costs_.hop;
  }

  Time& end_of(std::vector<Time>& ends, Stage stage, MicroBatch micro_batch) const {
    return ends[index(stage) * schedule_.micro_batches + index(micro_batch)];
  }

  const Schedule& schedule_;
  UniformCosts costs_;
  std::vector<Time> forward_, gradient_;  // [S][M] ends of F, and of B or I
};

/// Most live (stage, micro-batch) pairs of a rank, in the order of its program: F and LOAD take one, B, W and
/// EVICT give it back.
inline std::uint64_t replayed_peak(const Schedule& schedule, Rank rank) {
  std::int64_t live = 0, peak = 0;
  for (const Op op : schedule.program(rank)) {
    if (op.kind == OpKind::Forward || op.kind == OpKind::Load) ++live;
    if (op.kind == OpKind::Backward || op.kind == OpKind::WeightGrad || op.kind == OpKind::Evict) --live;
    peak = std::max(peak, live);
  }
  return static_cast<std::uint64_t>(peak);
}

}  // namespace ppsim
