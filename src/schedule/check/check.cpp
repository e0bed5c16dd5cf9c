#include "ppsim/schedule/check/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "schedule/check/check_faults.hpp"

namespace ppsim {
namespace {

// What has been seen of one stage and micro-batch, as bits: the passes by kind, and whether its activation is
// away.
constexpr std::uint8_t bit(OpKind kind) {
  return is_compute(kind) ? static_cast<std::uint8_t>(1U << static_cast<unsigned>(kind)) : std::uint8_t{0};
}
constexpr std::uint8_t kForward = bit(OpKind::Forward), kBackward = bit(OpKind::Backward),
                       kInputGrad = bit(OpKind::InputGrad), kWeightGrad = bit(OpKind::WeightGrad),
                       kRecompute = bit(OpKind::Recompute), kAway = 128;

class OrderCheck {
 public:
  explicit OrderCheck(const Schedule& schedule)
      : schedule_(schedule), seen_(std::size_t{schedule.stages()} * schedule.micro_batches) {}

  std::vector<Fault> run() && {
    for (std::uint32_t rank = 0; rank < schedule_.ranks(); ++rank) {
      check_program(Rank{rank});
      check_complete(Rank{rank});
    }
    return std::move(faults_);
  }

 private:
  std::uint8_t& seen(Op op) {
    return seen_[index(op.stage) * schedule_.micro_batches + index(op.micro_batch)];
  }

  void check_program(Rank rank) {
    const auto program = schedule_.program(rank);
    const auto last_forward =
        static_cast<std::size_t>(program.rend() - std::find_if(program.rbegin(), program.rend(), [](Op op) {
                                   return op.kind == OpKind::Forward;
                                 }));
    for (std::size_t step = 0; step < program.size(); ++step) {
      const Op op = program[step];
      const auto fault = [&](std::string_view what) {
        faults_.push_back({fmt::format("rank {}, step {}", index(rank), step),
                           fmt::format("{} of stage {}, micro-batch {} {}", name(op.kind), index(op.stage),
                                       index(op.micro_batch), what)});
      };
      if (is_copy(op.kind)) {
        check_copy(rank, op, step < last_forward, fault);
        continue;
      }
      if (op.overlaps_next) check_pair(program.subspan(step), fault);
      if (!check_place(rank, op, fault)) continue;
      check_inputs(op, fault);
      seen(op) |= bit(op.kind);
      if (op.kind == OpKind::Forward) ++forwards_;
    }
  }

  template <class Report>
  static void check_pair(std::span<const Op> rest, Report fault) {
    const bool legal = rest.size() > 1 && rest[0].kind == OpKind::Forward && needs_gradient(rest[1].kind) &&
                       !rest[1].overlaps_next;
    if (!legal) {
      fault("overlaps what follows, expected a pair of F with B or I");
    } else if (rest[0].micro_batch == rest[1].micro_batch) {  // every backward comes after all its forwards
      fault("overlaps a backward of the same micro-batch, which has to wait for it");
    }
  }

  // False where the op has no place at all.
  template <class Report>
  bool check_place(Rank rank, Op op, Report fault) const {
    if (!is_compute(op.kind) || (schedule_.forward_only && op.kind != OpKind::Forward)) {
      fault(schedule_.forward_only ? "in a forward-only schedule" : "is no F, B, I, W or R");
    } else if (op.kind == OpKind::Recompute && !schedule_.recompute_ahead) {
      fault("stands in a schedule whose backwards recompute by themselves");
    } else {
      return check_holder(rank, op, fault);
    }
    return false;
  }

  template <class Report>
  bool check_holder(Rank rank, Op op, Report fault) const {
    const auto why_not = why_not_here(schedule_, rank, op.stage, op.micro_batch);
    if (why_not) fault(*why_not);
    return !why_not;
  }

  template <class Report>
  void check_inputs(Op op, Report fault) {
    const std::uint8_t before = seen(op);
    if ((before & bit(op.kind)) != 0) fault("runs a second time");
    if (op.kind == OpKind::Recompute) return check_recompute(before, fault);
    if (needs_gradient(op.kind) && (before & kForward) == 0) fault("runs before its F");
    if (needs_gradient(op.kind) && schedule_.recompute_ahead && (before & kRecompute) == 0)
      fault("runs before its R");
    if (op.kind == OpKind::WeightGrad && (before & kInputGrad) == 0) fault("runs before its I");
    const bool fused = op.kind == OpKind::Backward;
    if (op.kind != OpKind::Forward && (before & kAway) != 0)
      fault("runs while its activation is away, expected a LOAD before it");
    check_slices(op, fault);
    if ((before & (fused ? kInputGrad | kWeightGrad : op.kind == OpKind::Forward ? 0 : kBackward)) != 0) {
      fault(fused ? "runs beside a split backward" : "runs beside a whole backward B");
    }
  }

  // Between F and the backward.
  template <class Report>
  static void check_recompute(std::uint8_t before, Report fault) {
    if ((before & kForward) == 0) fault("runs before its F");
    if ((before & (kBackward | kInputGrad | kWeightGrad)) != 0) fault("runs when its backward has begun");
  }

  // Activations move to the partner and back, and are at home for the backward.
  template <class Report>
  void check_copy(Rank rank, Op op, bool awaited, Report fault) {
    const bool evict = op.kind == OpKind::Evict;
    if (op.overlaps_next) fault("overlaps what follows, expected a pair of F with B or I");
    if (schedule_.recompute_ahead)
      fault("stands beside R: expected activations that either move or come again");
    if (!check_holder(rank, op, fault)) return;
    std::uint8_t& state = seen(op);
    if ((state & kForward) == 0) fault("runs before its F");
    if ((state & (kBackward | kInputGrad | kWeightGrad)) != 0) fault("runs when its backward has begun");
    if (((state & kAway) != 0) == evict) fault(evict ? "runs a second time" : "runs without an EVICT");
    if (!evict && forwards_ == evicted_behind_[{op.stage, op.micro_batch}])
      fault("has no F between it and its EVICT, whose end that F waits for");
    if (evict) evicted_behind_[{op.stage, op.micro_batch}] = forwards_;
    if (2 * index(rank) + 1 == schedule_.ranks()) fault("has no partner: the rank in the middle has none");
    if (evict && !awaited) fault("is followed by no F that would need the room");
    state = static_cast<std::uint8_t>(evict ? state | kAway : state & ~kAway);
  }

  // Forwards go from the first slice of a micro-batch to the last, backwards from the last to the first.
  template <class Report>
  void check_slices(Op op, Report fault) {
    if (schedule_.slices == 1) return;
    const std::size_t u = index(op.micro_batch), slice = u % schedule_.slices;
    const auto ran = [&](std::size_t other, std::uint8_t kinds) {
      return other >= schedule_.micro_batches ||
             (seen(Op{op.kind, false, op.stage, MicroBatch(other)}) & kinds) != 0;
    };
    if (op.kind == OpKind::Forward && slice > 0 && !ran(u - 1, kForward))
      fault("runs before the slice ahead of it");
    if (needs_gradient(op.kind) && slice + 1 < schedule_.slices && !ran(u + 1, kBackward | kInputGrad))
      fault("runs before the slice behind it");
  }

  // What the rank should have run and did not, by stage and kind.
  void check_complete(Rank rank) {
    for_each_stage_of(schedule_, rank, [&](auto... place) { check_stage(place...); });
  }

  void check_stage(Rank rank, std::uint32_t direction, Stage stage) {
    std::vector<std::uint32_t> forward, backward, weight_grad, recompute;
    for (std::uint32_t m = 0; m < schedule_.micro_batches; ++m) {
      if (schedule_.direction(MicroBatch{m}) != direction) continue;
      const std::uint8_t has = seen(Op{OpKind::Forward, false, stage, MicroBatch{m}});
      if ((has & kForward) == 0) forward.push_back(m);
      if (schedule_.forward_only) continue;
      if ((has & (kBackward | kInputGrad)) == 0) backward.push_back(m);
      if ((has & kInputGrad) != 0 && (has & kWeightGrad) == 0) weight_grad.push_back(m);
      if (schedule_.recompute_ahead && (has & kRecompute) == 0) recompute.push_back(m);
    }
    report_missing(rank, stage, "F", forward);
    report_missing(rank, stage, "B (or I and W)", backward);
    report_missing(rank, stage, "W", weight_grad);
    report_missing(rank, stage, "R", recompute);
  }

  void report_missing(Rank rank, Stage stage, std::string_view kind,
                      const std::vector<std::uint32_t>& missing) {
    if (!missing.empty()) faults_.push_back(missing_fault(rank, stage, kind, missing));
  }

  const Schedule& schedule_;
  std::vector<std::uint8_t> seen_;                                      // [S][M] bits of Seen
  std::size_t forwards_ = 0;                                            // so far
  std::map<std::pair<Stage, MicroBatch>, std::size_t> evicted_behind_;  // how many there were at its EVICT
  std::vector<Fault> faults_;
};

}  // namespace

std::vector<Fault> check_order(const Schedule& schedule) {
  return OrderCheck(schedule).run();
}

}  // namespace ppsim
