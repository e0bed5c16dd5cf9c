#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "ppsim/schedule/lowering.hpp"
#include "schedule/check/check_faults.hpp"
#include "schedule/handover.hpp"
#include "schedule/program_actions.hpp"

namespace ppsim {
namespace {

constexpr std::array kSendsAndReceives{CommKind::SendForward, CommKind::RecvForward, CommKind::SendBackward,
                                       CommKind::RecvBackward};

bool is_send(CommKind kind) {
  return kind == CommKind::SendForward || kind == CommKind::SendBackward;
}

bool is_forward(CommKind kind) {
  return kind == CommKind::SendForward || kind == CommKind::RecvForward;
}

std::uint8_t comm_bit(CommKind kind) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(kind));
}

class CommunicationCheck {
 public:
  explicit CommunicationCheck(const Schedule& schedule)
      : schedule_(schedule),
        expected_(std::size_t{schedule.stages()} * schedule.micro_batches, 0),
        seen_(expected_),
        forward_at_(expected_.size()),
        gradient_at_(expected_.size()) {}

  std::vector<Fault> run() && {
    expect_all();
    for (std::uint32_t rank = 0; rank < schedule_.ranks(); ++rank) {
      locate_ops(Rank{rank});
      for (const CommAction& action : schedule_.communication_of(Rank{rank})) check(Rank{rank}, action);
      check_complete(Rank{rank});
    }
    return std::move(faults_);
  }

 private:
  // Where an op, or the pair that it is half of, begins and ends in its program.
  struct Place {
    std::uint32_t begin = std::numeric_limits<std::uint32_t>::max();  // of an op that is not there
    std::uint32_t end = 0;
  };

  [[nodiscard]] std::size_t slot(Stage stage, MicroBatch micro_batch) const {
    return index(stage) * schedule_.micro_batches + index(micro_batch);
  }

  void expect_all() {
    for (std::uint32_t stage = 0; stage < schedule_.stages(); ++stage) {
      for (std::uint32_t m = 0; m < schedule_.micro_batches; ++m) {
        expect({OpKind::Forward, false, static_cast<Stage>(stage), MicroBatch{m}});
        if (!schedule_.forward_only)
          expect({OpKind::Backward, false, static_cast<Stage>(stage), MicroBatch{m}});
      }
    }
  }

  void expect(Op op) {
    const auto handover = handover_of(schedule_, op);
    if (!handover || !handover->leaves_rank()) return;
    for (const CommAction& action : {handover->send, handover->receive})
      expected_[slot(action.stage, action.micro_batch)] |= comm_bit(action.kind);
  }

  void locate_ops(Rank rank) {
    std::uint32_t position = 0;
    pair_middles_.assign(schedule_.program(rank).size() + 1, false);
    const auto locate = [&](std::span<const Op> ops) {
      const auto end = static_cast<std::uint32_t>(position + ops.size());
      for (const Op op : ops) {
        if (!runs_here(rank, op)) continue;
        if (op.kind == OpKind::Forward) forward_at_[slot(op.stage, op.micro_batch)] = {position, end};
        if (needs_gradient(op.kind)) gradient_at_[slot(op.stage, op.micro_batch)] = {position, end};
      }
      if (ops.size() == 2) pair_middles_[position + 1] = true;
      position = end;
    };
    for_each_action(
        schedule_, rank, [](const CommAction&) {}, locate);
  }

  [[nodiscard]] bool runs_here(Rank rank, Op op) const {
    return index(op.stage) < schedule_.stages() && index(op.micro_batch) < schedule_.micro_batches &&
           schedule_.placement.rank_of(op.stage, schedule_.direction(op.micro_batch)) == rank;
  }

  void check(Rank rank, const CommAction& action) {
    const std::size_t ops = schedule_.program(rank).size();
    PPSIM_ASSERT(action.position <= ops, fmt::format("position {} of {} ops", action.position, ops));
    const auto fault = [&](std::string_view what) {
      const std::string place =
          action.position == ops ? "behind the last step" : fmt::format("before step {}", action.position);
      const std::string micro_batch =
          is_send_or_receive(action.kind) ? fmt::format(", micro-batch {}", index(action.micro_batch)) : "";
      faults_.push_back(
          {fmt::format("rank {}, {}", index(rank), place),
           fmt::format("{} of stage {}{} {}", name(action.kind), index(action.stage), micro_batch, what)});
    };
    if (pair_middles_[action.position]) fault("stands between the halves of a pair");
    if (!check_holder(rank, action, fault) || !is_send_or_receive(action.kind)) return;
    std::uint8_t& seen = seen_[slot(action.stage, action.micro_batch)];
    const bool has_peer = (expected_[slot(action.stage, action.micro_batch)] & comm_bit(action.kind)) != 0;
    if (!has_peer) return fault("has no peer on another rank");
    if ((seen & comm_bit(action.kind)) != 0) fault("stands a second time");
    seen |= comm_bit(action.kind);
    check_order_of(action, fault);
  }

  // False where the action has no place at all.
  template <class Report>
  bool check_holder(Rank rank, const CommAction& action, Report fault) const {
    const auto why_not = why_not_here(schedule_, rank, action.stage, action.micro_batch);
    if (why_not) fault(*why_not);
    return !why_not;
  }

  template <class Report>
  void check_order_of(const CommAction& action, Report fault) const {
    const bool forward = is_forward(action.kind);
    const Place op = (forward ? forward_at_ : gradient_at_)[slot(action.stage, action.micro_batch)];
    const std::string_view kinds = forward ? "F" : "B or I";
    if (op.begin > op.end) return;  // the op is missing
    if (is_send(action.kind) && action.position < op.end)
      fault(fmt::format("stands in front of its {}, whose result it carries", kinds));
    if (!is_send(action.kind) && action.position > op.begin)
      fault(fmt::format("stands behind its {}, which needs it", kinds));
  }

  void check_complete(Rank rank) {
    for_each_stage_of(schedule_, rank, [&](auto... place) { check_stage(place...); });
  }

  void check_stage(Rank rank, std::uint32_t direction, Stage stage) {
    std::array<std::vector<std::uint32_t>, kSendsAndReceives.size()> missing;
    for (std::uint32_t m = 0; m < schedule_.micro_batches; ++m) {
      if (schedule_.direction(MicroBatch{m}) != direction) continue;
      const std::size_t at = slot(stage, MicroBatch{m});
      for (std::size_t kind = 0; kind < missing.size(); ++kind) {
        const std::uint8_t wanted = comm_bit(kSendsAndReceives[kind]);
        if ((expected_[at] & ~seen_[at] & wanted) != 0) missing[kind].push_back(m);
      }
    }
    for (std::size_t kind = 0; kind < missing.size(); ++kind) {
      if (missing[kind].empty()) continue;
      faults_.push_back(missing_fault(rank, stage, name(kSendsAndReceives[kind]), missing[kind]));
    }
  }

  const Schedule& schedule_;
  std::vector<std::uint8_t> expected_, seen_;    // [S][M] bits by kind
  std::vector<Place> forward_at_, gradient_at_;  // [S][M] places of F, and of B or I; this rank's are known
  std::vector<bool> pair_middles_;               // [ops of the rank + 1]
  std::vector<Fault> faults_;
};

}  // namespace

std::vector<Fault> check_communication(const Schedule& schedule) {
  if (!has_sends_or_receives(schedule)) return {};
  return CommunicationCheck(schedule).run();
}

}  // namespace ppsim
