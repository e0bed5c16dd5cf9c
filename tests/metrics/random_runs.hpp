/// Random schedules that hold every rule, with random costs: what no published schedule looks like.
#pragma once

#include <rapidcheck.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "metrics/runs.hpp"

namespace ppsim::test {

struct RandomShape {
  std::uint32_t ranks, chunks, micro_batches;
  bool forward_only;
};

/// Plays the schedule: again and again some rank runs one of the ops whose inputs are there. So it cannot
/// deadlock.
class RandomScheduler {
 public:
  RandomScheduler(RandomShape shape, std::mt19937& random)
      : shape_(shape), random_(random), placement_(looped_placement(shape.ranks, shape.chunks)) {
    std::shuffle(placement_.route[0].begin(), placement_.route[0].end(), random_);
    const std::size_t slots = std::size_t{placement_.stages()} * shape.micro_batches;
    forward_.resize(slots);
    gradient_.resize(slots);
    weight_.resize(slots);
    for (std::size_t slot = 0; slot < slots; ++slot) split_.push_back(chance(3));
    programs_.resize(shape.ranks);
  }

  Schedule run() {
    for (std::vector<Op> ready = ready_ops(); !ready.empty(); ready = ready_ops()) {
      const Op op = ready[below(ready.size())];
      const auto partner =
          std::find_if(ready.begin(), ready.end(), [&](Op other) { return may_pair(op, other); });
      if (partner != ready.end() && chance(2)) {
        emit({op.kind, true, op.stage, op.micro_batch});
        emit(*partner);
      } else {
        emit(op);
      }
    }
    return write();
  }

 private:
  [[nodiscard]] std::size_t below(std::size_t bound) { return random_() % bound; }
  [[nodiscard]] bool chance(std::size_t in) { return below(in) == 0; }
  [[nodiscard]] std::size_t slot(std::size_t stage, std::size_t micro_batch) const {
    return stage * shape_.micro_batches + micro_batch;
  }
  [[nodiscard]] bool may_pair(Op forward, Op backward) const {
    return forward.kind == OpKind::Forward && backward.kind == OpKind::Backward &&
           placement_.rank_of(forward.stage) == placement_.rank_of(backward.stage);
  }

  [[nodiscard]] std::vector<Op> ready_ops() const {
    std::vector<Op> ready;
    for (std::size_t stage = 0; stage < placement_.stages(); ++stage) {
      for (std::size_t m = 0; m < shape_.micro_batches; ++m) add_ready(ready, stage, m);
    }
    return ready;
  }

  void add_ready(std::vector<Op>& ready, std::size_t stage, std::size_t m) const {
    const std::size_t at = slot(stage, m);
    const auto add = [&](OpKind kind) {
      ready.push_back({kind, false, static_cast<Stage>(stage), static_cast<MicroBatch>(m)});
    };
    if (!forward_[at] && (stage == 0 || forward_[slot(stage - 1, m)])) add(OpKind::Forward);
    if (shape_.forward_only) return;
    const bool last = stage + 1 == placement_.stages();
    if (forward_[at] && !gradient_[at] && (last || gradient_[slot(stage + 1, m)])) {
      add(split_[at] ? OpKind::InputGrad : OpKind::Backward);
    }
    if (split_[at] && gradient_[at] && !weight_[at]) add(OpKind::WeightGrad);
  }

  void emit(Op op) {
    const std::size_t at = slot(index(op.stage), index(op.micro_batch));
    if (op.kind == OpKind::Forward) forward_[at] = true;
    if (needs_gradient(op.kind)) gradient_[at] = true;
    if (op.kind == OpKind::WeightGrad) weight_[at] = true;
    programs_[index(placement_.rank_of(op.stage))].push_back(op);
  }

  [[nodiscard]] Schedule write() const {
    ScheduleWriter writer("random", placement_, shape_.micro_batches, 3 * forward_.size());
    for (const std::vector<Op>& program : programs_) {
      for (const Op op : program) writer.push(op);
      writer.next_rank();
    }
    Schedule schedule = std::move(writer).take();
    schedule.forward_only = shape_.forward_only;
    return schedule;
  }

  RandomShape shape_;
  std::mt19937& random_;
  Placement placement_;
  std::vector<bool> forward_, gradient_, weight_, split_;  ///< by slot
  std::vector<std::vector<Op>> programs_;
};

/// Times of 1..20 ns, hops of 0..12 ns, activations of 0..9 bytes; one run in two reduces gradients, of
/// these one in two beside its last backwards.
[[nodiscard]] inline Workload random_workload(RandomShape shape, std::mt19937& random) {
  const auto between = [&random](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(high - low + 1));
  };
  const std::uint32_t stages = shape.ranks * shape.chunks;
  CostsInput costs = free_transfers();
  costs.link.latency = Time(between(0, 4));
  costs.pair = Time(between(1, 30));
  Workload workload = make_workload(costs, {shape.ranks, stages, {}}, stages);
  const bool reduces = between(0, 1) == 1;
  for (StageCosts& stage : workload.stages) {
    stage.ops[OpKind::Forward].duration = Time(between(1, 20));
    stage.ops[OpKind::InputGrad].duration = Time(between(1, 20));
    stage.ops[OpKind::WeightGrad].duration = Time(between(1, 20));
    stage.ops[OpKind::Backward].duration =
        stage.duration(OpKind::InputGrad) + stage.duration(OpKind::WeightGrad);
    stage.forward_transfer = Bytes(between(0, 8));
    stage.backward_transfer = Bytes(between(0, 8));
    stage.activation = Bytes(between(0, 9));
    stage.activation_freed_at_input_grad = Bytes(between(0, stage.activation.count()));
    if (!reduces || shape.forward_only) continue;
    stage.ops[OpKind::GradientReduction].duration = Time(between(0, 9));
    stage.gradient_buckets = static_cast<std::uint32_t>(between(1, 4));
    stage.ops[OpKind::OptimizerStep].duration = Time(between(0, 1) * between(0, 5));
    stage.ops[OpKind::ParameterGather].duration = Time(between(0, 1) * between(0, 5));
  }
  workload.overlap_gradients = between(0, 1) == 1;
  return workload;
}

/// For use inside a rapidcheck property.
[[nodiscard]] inline SmallRun random_run() {
  const RandomShape shape{*rc::gen::inRange<std::uint32_t>(1, 5), *rc::gen::inRange<std::uint32_t>(1, 4),
                          *rc::gen::inRange<std::uint32_t>(1, 6), *rc::gen::inRange(0, 6) == 0};
  std::mt19937 random(*rc::gen::arbitrary<std::uint32_t>());
  Schedule schedule = RandomScheduler(shape, random).run();
  const auto communication = *rc::gen::element(Communication::Overlap, Communication::Blocking);
  const auto contention = *rc::gen::element(Contention("none"), Contention("fifo"));
  return run_schedule(std::move(schedule), random_workload(shape, random), communication, contention);
}

/// Shakes every time by up to 3 ns, as clocks and measurements do: causes may seem to follow their effects.
inline void shake(Timeline& timeline) {
  std::mt19937 random(*rc::gen::arbitrary<std::uint32_t>());
  const auto shaken = [&random](Time time) {
    return time + Time(static_cast<std::int64_t>(random() % 7) - 3);
  };
  for (std::size_t v = 0; v < timeline.start.size(); ++v) {
    timeline.start[v] = shaken(timeline.start[v]);
    timeline.finish[v] = std::max(timeline.start[v], shaken(timeline.finish[v]));
  }
  for (std::size_t e = 0; e < timeline.transfer_start.size(); ++e) {
    timeline.transfer_start[e] = shaken(timeline.transfer_start[e]);
    timeline.transfer_finish[e] = shaken(timeline.transfer_finish[e]);
  }
}

}  // namespace ppsim::test
