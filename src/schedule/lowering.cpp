// The passes that look at one rank at a time, after torch.distributed.pipelining.schedules (_merge_bw,
// _add_unshard_reshard, _add_reduce_grad). Two directions and several steps are ours.
#include "ppsim/schedule/lowering.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "schedule/program_actions.hpp"

namespace ppsim {
namespace {

bool has(const Schedule& schedule, CommKind kind) {
  return std::any_of(schedule.communication.begin(), schedule.communication.end(),
                     [&](const CommAction& action) { return action.kind == kind; });
}

void refuse(const Schedule& schedule, CommKind kind) {
  if (has(schedule, kind)) throw Error("schedule", fmt::format("has {} already, expected none", name(kind)));
}

// An I of its own with its W right behind it.
bool is_split_backward(std::span<const Op> program, std::size_t at) {
  if (at + 1 == program.size() || (at > 0 && program[at - 1].overlaps_next)) return false;
  const Op first = program[at], second = program[at + 1];
  return first.kind == OpKind::InputGrad && second.kind == OpKind::WeightGrad &&
         first.stage == second.stage && first.micro_batch == second.micro_batch;
}

// One copy of a stage: in two directions a stage has two.
struct StageCopy {
  Stage stage{};
  MicroBatch first{};  // of its direction

  friend bool operator==(const StageCopy&, const StageCopy&) = default;
};

// The first micro-batch of each direction.
std::array<MicroBatch, 2> first_micro_batches(const Schedule& schedule) {
  const auto& directions = schedule.directions;  // all 0s, then all 1s
  const auto up = std::lower_bound(directions.begin(), directions.end(), std::uint8_t{1});
  return {MicroBatch{0}, static_cast<MicroBatch>(up - directions.begin())};
}

// The stages that each action of a program wants gathered. Found from the program's end: the list of stages
// to come, by first meeting, changes at its front only.
class WantedStages {
 public:
  WantedStages(const Schedule& schedule, Rank rank, std::size_t keep)
      : schedule_(schedule), firsts_(first_micro_batches(schedule)), keep_(keep) {
    std::vector<std::span<const Op>> actions;
    for_each_action(
        schedule, rank, [](const CommAction&) {},
        [&](std::span<const Op> ops) {
          if (is_compute(ops.front().kind)) actions.push_back(ops);
        });
    ranges_.resize(actions.size());
    for (std::size_t action = actions.size(); action-- > 0;) {
      for (std::size_t half = actions[action].size(); half-- > 0;) meet(actions[action][half], action);
      add_range(action);
    }
  }

  /// In the order in which they are met, `action` counting compute ops and pairs.
  [[nodiscard]] std::span<const StageCopy> of(std::size_t action) const {
    return std::span(stages_).subspan(ranges_[action].begin, ranges_[action].count);
  }

 private:
  struct Met {
    StageCopy stage;
    std::size_t action;  // the first one to need it
  };
  struct Range {
    std::size_t begin = 0, count = 0;
  };

  void meet(Op op, std::size_t action) {
    const StageCopy stage{op.stage, firsts_[schedule_.direction(op.micro_batch)]};
    std::erase_if(to_come_, [&](const Met& met) { return met.stage == stage; });
    to_come_.insert(to_come_.begin(), {stage, action});
  }

  // The first `keep`, and one more where a pair brings both.
  void add_range(std::size_t action) {
    to_come_.resize(std::min(to_come_.size(), keep_ + 1));
    const bool one_more = to_come_.size() > keep_ && to_come_[keep_ - 1].action == to_come_[keep_].action;
    const std::size_t count = std::min(to_come_.size(), keep_ + (one_more ? 1 : 0));
    ranges_[action] = {stages_.size(), count};
    for (std::size_t i = 0; i < count; ++i) stages_.push_back(to_come_[i].stage);
  }

  const Schedule& schedule_;
  std::array<MicroBatch, 2> firsts_;
  std::size_t keep_;
  std::vector<Met> to_come_;
  std::vector<StageCopy> stages_;
  std::vector<Range> ranges_;  // [actions] into stages_
};

template <class Range>
bool contains(const Range& stages, StageCopy stage) {
  return std::find(stages.begin(), stages.end(), stage) != stages.end();
}

// What is gathered on a rank, and the program that gathers it.
class Gathering {
 public:
  explicit Gathering(ProgramRewriter& out) : out_(out) {}

  void want(std::span<const StageCopy> wanted) {
    for (const StageCopy stage : active_) {
      if (!contains(wanted, stage)) out_.add(CommAction{CommKind::Reshard, stage.stage, stage.first});
    }
    std::erase_if(active_, [&](StageCopy stage) { return !contains(wanted, stage); });
    for (const StageCopy stage : wanted) {
      if (contains(active_, stage)) continue;
      out_.add(CommAction{CommKind::Unshard, stage.stage, stage.first});
      active_.push_back(stage);
    }
  }

 private:
  ProgramRewriter& out_;
  std::vector<StageCopy> active_;  // in the order in which they were gathered
};

// Backwards that each stage still has to run, by direction and optimizer step.
class BackwardsLeft {
 public:
  explicit BackwardsLeft(const Schedule& schedule)
      : schedule_(schedule), micro_batches_a_step_(schedule.micro_batches / schedule.steps) {
    std::vector<std::uint32_t> micro_batches(schedule.placement.directions() * std::size_t{schedule.steps});
    for (std::uint32_t m = 0; m < schedule.micro_batches; ++m) ++micro_batches[group_of(MicroBatch{m})];
    for (const std::uint32_t count : micro_batches) left_.insert(left_.end(), schedule.stages(), count);
  }

  /// True for the last one.
  bool ends_with(Op op) {
    if (!ends_backward(op.kind)) return false;
    return --left_[group_of(op.micro_batch) * schedule_.stages() + index(op.stage)] == 0;
  }

 private:
  [[nodiscard]] std::size_t group_of(MicroBatch micro_batch) const {
    return schedule_.direction(micro_batch) * std::size_t{schedule_.steps} +
           index(micro_batch) / micro_batches_a_step_;
  }

  const Schedule& schedule_;
  std::size_t micro_batches_a_step_;
  std::vector<std::uint32_t> left_;  // [directions][steps][S]
};

}  // namespace

Schedule merge_backward(const Schedule& schedule) {
  ProgramRewriter out(schedule);
  for (std::uint32_t rank = 0; rank < schedule.ranks(); ++rank) {
    const auto program = schedule.program(Rank{rank});
    const auto communication = schedule.communication_of(Rank{rank});
    auto next = communication.begin();
    for (std::size_t at = 0; at < program.size(); ++at) {
      for (; next != communication.end() && next->position <= at; ++next) out.add(*next);
      if (is_split_backward(program, at)) {
        out.add(Op{OpKind::Backward, false, program[at].stage, program[at].micro_batch});
        ++at;
      } else {
        out.add(program[at]);
      }
    }
    for (; next != communication.end(); ++next) out.add(*next);
    out.next_rank();
  }
  return std::move(out).take();
}

Schedule add_unshards(const Schedule& schedule, std::uint32_t keep) {
  PPSIM_ASSERT(keep > 0, "a stage that runs has its parameters");
  refuse(schedule, CommKind::Unshard);
  refuse(schedule, CommKind::Reshard);
  ProgramRewriter out(schedule);
  for (std::uint32_t rank = 0; rank < schedule.ranks(); ++rank) {
    const WantedStages wanted(schedule, Rank{rank}, keep);
    Gathering gathering(out);
    std::size_t action = 0;
    for_each_action(
        schedule, Rank{rank}, [&](const CommAction& other) { out.add(other); },
        [&](std::span<const Op> ops) {
          if (is_compute(ops.front().kind)) gathering.want(wanted.of(action++));
          out.add(ops);
        });
    gathering.want({});
    out.next_rank();
  }
  return std::move(out).take();
}

Schedule add_reductions(const Schedule& schedule) {
  refuse(schedule, CommKind::ReduceGrad);
  const auto firsts = first_micro_batches(schedule);
  BackwardsLeft left(schedule);
  ProgramRewriter out(schedule);
  for (std::uint32_t rank = 0; rank < schedule.ranks(); ++rank) {
    for_each_action(
        schedule, Rank{rank}, [&](const CommAction& other) { out.add(other); },
        [&](std::span<const Op> ops) {
          out.add(ops);
          for (const Op op : ops) {
            if (left.ends_with(op))
              out.add(CommAction{CommKind::ReduceGrad, op.stage, firsts[schedule.direction(op.micro_batch)]});
          }
        });
    out.next_rank();
  }
  return std::move(out).take();
}

bool has_sends_or_receives(const Schedule& schedule) {
  return std::any_of(schedule.communication.begin(), schedule.communication.end(),
                     [](const CommAction& action) { return is_send_or_receive(action.kind); });
}

}  // namespace ppsim
