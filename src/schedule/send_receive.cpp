// Sends and receives, after torch.distributed.pipelining.schedules._add_send_recv: ranks are swept again and
// again, and in a sweep each runs its next action if its inputs are there. We do not sweep, which would cost
// ranks x sweeps: in which sweep an action runs is a longest path, and the rest is sorting by it. PyTorch
// spends a rank's turn on a blank cell too; a schedule has none.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "ppsim/schedule/lowering.hpp"
#include "schedule/handover.hpp"
#include "schedule/program_actions.hpp"

namespace ppsim {
namespace {

using ActionId = std::uint32_t;
constexpr ActionId kNoAction = std::numeric_limits<ActionId>::max();

class SendReceivePass {
 public:
  explicit SendReceivePass(const Schedule& schedule)
      : schedule_(schedule),
        forward_at_(std::size_t{schedule.stages()} * schedule.micro_batches, kNoAction),
        gradient_at_(forward_at_.size(), kNoAction) {}

  Schedule run() && {
    list_actions();
    find_sweeps();
    rows_.resize(schedule_.ranks());
    ops_done_.assign(schedule_.ranks(), 0);
    for (const ActionId action : by_sweep()) emit(action);
    return with_rows();
  }

 private:
  struct Action {
    Rank rank{};
    std::uint32_t first = 0;  // in the schedule's ops; of communication, which has none, in that table
    std::uint32_t ops = 0;
  };

  [[nodiscard]] std::span<const Op> ops_of(const Action& action) const {
    return std::span(schedule_.ops).subspan(action.ops > 0 ? action.first : 0, action.ops);
  }

  void list_actions() {
    actions_.reserve(schedule_.ops.size() + schedule_.communication.size());
    for (std::uint32_t rank = 0; rank < schedule_.ranks(); ++rank) {
      for_each_action(
          schedule_, Rank{rank},
          [&](const CommAction& communication) {
            const auto at = &communication - schedule_.communication.data();
            actions_.push_back({Rank{rank}, static_cast<std::uint32_t>(at), 0});
          },
          [&](std::span<const Op> ops) {
            for (const Op op : ops) place(op);
            const auto at = ops.data() - schedule_.ops.data();
            actions_.push_back(
                {Rank{rank}, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(ops.size())});
          });
    }
  }

  // The op is part of the action that comes next.
  void place(Op op) {
    if (op.kind == OpKind::Forward) forward_at_[slot(op.stage, op.micro_batch)] = next_action();
    if (needs_gradient(op.kind)) gradient_at_[slot(op.stage, op.micro_batch)] = next_action();
  }

  [[nodiscard]] ActionId next_action() const { return static_cast<ActionId>(actions_.size()); }

  [[nodiscard]] std::size_t slot(Stage stage, MicroBatch micro_batch) const {
    return index(stage) * schedule_.micro_batches + index(micro_batch);
  }

  // Calls visit(action, earliest sweep) for the rank's next action, and for those that read the results.
  template <class Visit>
  void for_each_follower(ActionId action, std::uint32_t sweep, Visit visit) const {
    const Action& self = actions_[action];
    if (action + 1 < actions_.size() && actions_[action + 1].rank == self.rank) visit(action + 1, sweep + 1);
    for (const Op op : ops_of(self)) {
      const auto handover = handover_of(schedule_, op);
      if (!handover) continue;
      const auto& readers = op.kind == OpKind::Forward ? forward_at_ : gradient_at_;
      const ActionId reader = readers[slot(handover->receive.stage, handover->receive.micro_batch)];
      // A rank further down has its turn in this sweep still.
      if (reader != kNoAction) visit(reader, handover->to > self.rank ? sweep : sweep + 1);
    }
  }

  // The sweep of each action: the latest that one of its inputs, or the action before it, asks for.
  void find_sweeps() {
    sweep_.assign(actions_.size(), 0);
    std::vector<std::uint8_t> waits(actions_.size(), 0);
    for (ActionId action = 0; action < actions_.size(); ++action)
      for_each_follower(action, 0, [&](ActionId follower, std::uint32_t) { ++waits[follower]; });
    std::vector<ActionId> ready;
    for (ActionId action = 0; action < actions_.size(); ++action)
      if (waits[action] == 0) ready.push_back(action);
    for (std::size_t next = 0; next < ready.size(); ++next) {
      for_each_follower(ready[next], sweep_[ready[next]], [&](ActionId follower, std::uint32_t earliest) {
        sweep_[follower] = std::max(sweep_[follower], earliest);
        if (--waits[follower] == 0) ready.push_back(follower);
      });
    }
    if (ready.size() < actions_.size()) throw DeadlockError("schedule", cycle_among(waits));
  }

  // What waits, waits for something that waits: following that ends in a cycle.
  [[nodiscard]] std::vector<std::string> cycle_among(const std::vector<std::uint8_t>& waits) const {
    std::vector<ActionId> waits_for(actions_.size(), kNoAction);
    for (ActionId action = 0; action < actions_.size(); ++action) {
      if (waits[action] == 0) continue;
      for_each_follower(action, 0, [&](ActionId follower, std::uint32_t) { waits_for[follower] = action; });
    }
    std::vector<ActionId> path;
    std::vector<bool> seen(actions_.size(), false);
    auto action = static_cast<ActionId>(
        std::find_if(waits.begin(), waits.end(), [](std::uint8_t left) { return left > 0; }) - waits.begin());
    for (; !seen[action]; action = waits_for[action]) {
      seen[action] = true;
      path.push_back(action);
    }
    std::vector<ActionId> cycle(std::find(path.begin(), path.end(), action), path.end());
    std::reverse(cycle.begin(), cycle.end());  // the path goes from who waits to what it waits for
    std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
    std::vector<std::string> lines;
    for (const ActionId waiting : cycle) lines.push_back(describe(waiting));
    return lines;
  }

  // In the words of OpGraph::describe.
  [[nodiscard]] std::string describe(ActionId id) const {
    const Action& action = actions_[id];
    if (action.ops == 0) {
      const CommAction& communication = schedule_.communication[action.first];
      return fmt::format("rank {}: {} of stage {}", index(action.rank), name(communication.kind),
                         index(communication.stage));
    }
    std::string text = fmt::format("rank {}: ", index(action.rank));
    for (const Op op : ops_of(action)) {
      if (!text.ends_with(": ")) text += " with ";
      text += fmt::format("{} of stage {}, micro-batch {}", name(op.kind), index(op.stage),
                          index(op.micro_batch));
    }
    return text;
  }

  // By sweep, then by rank: a counting sort of actions that are listed by rank.
  [[nodiscard]] std::vector<ActionId> by_sweep() const {
    std::vector<std::uint32_t> begin(actions_.size() + 1, 0);  // there are no more sweeps than actions
    for (const std::uint32_t sweep : sweep_) ++begin[sweep + 1];
    for (std::size_t sweep = 1; sweep < begin.size(); ++sweep) begin[sweep] += begin[sweep - 1];
    std::vector<ActionId> sorted(actions_.size());
    for (ActionId action = 0; action < actions_.size(); ++action) sorted[begin[sweep_[action]]++] = action;
    return sorted;
  }

  void emit(ActionId id) {
    const Action& action = actions_[id];
    if (action.ops == 0) add(action.rank, schedule_.communication[action.first]);
    ops_done_[index(action.rank)] += action.ops;
    for (const Op op : ops_of(action)) {
      const auto handover = handover_of(schedule_, op);
      if (!handover || !handover->leaves_rank()) continue;
      add(handover->from, handover->send);
      add(handover->to, handover->receive);
    }
  }

  void add(Rank rank, CommAction communication) {
    communication.position = ops_done_[index(rank)];
    rows_[index(rank)].push_back(communication);
  }

  [[nodiscard]] Schedule with_rows() const {
    Schedule schedule = schedule_;
    schedule.communication.clear();
    schedule.communication_begin.clear();
    for (const auto& row : rows_) {
      schedule.communication_begin.push_back(static_cast<std::uint32_t>(schedule.communication.size()));
      schedule.communication.insert(schedule.communication.end(), row.begin(), row.end());
    }
    schedule.communication_begin.push_back(static_cast<std::uint32_t>(schedule.communication.size()));
    if (schedule.communication.empty()) schedule.communication_begin.clear();
    return schedule;
  }

  const Schedule& schedule_;
  std::vector<Action> actions_;                     // rank by rank, in program order
  std::vector<ActionId> forward_at_, gradient_at_;  // [S][M] action with F, and with B or I
  std::vector<std::uint32_t> sweep_;                // [actions]
  std::vector<std::vector<CommAction>> rows_;       // [P][*]
  std::vector<std::uint32_t> ops_done_;             // [P]
};

}  // namespace

Schedule add_sends_and_receives(const Schedule& schedule) {
  if (has_sends_or_receives(schedule))
    throw Error("schedule", "has sends and receives already, expected none");
  return SendReceivePass(schedule).run();
}

}  // namespace ppsim
