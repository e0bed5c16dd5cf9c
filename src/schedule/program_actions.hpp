// Programs as a file has them: ops and communication in one order.
#pragma once

#include <span>

#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// Calls on_communication(CommAction) and on_ops(span of one op, or two for a pair) in program order.
template <class OnCommunication, class OnOps>
void for_each_action(const Schedule& schedule, Rank rank, OnCommunication on_communication, OnOps on_ops) {
  const auto program = schedule.program(rank);
  const auto communication = schedule.communication_of(rank);
  auto next = communication.begin();
  for (std::size_t at = 0; at < program.size();) {
    for (; next != communication.end() && next->position <= at; ++next) on_communication(*next);
    const bool pair = program[at].overlaps_next && at + 1 < program.size();  // else check_order's fault
    on_ops(program.subspan(at, pair ? 2 : 1));
    at += pair ? 2 : 1;
  }
  for (; next != communication.end(); ++next) on_communication(*next);
}

/// Writes programs anew, rank by rank, into a schedule that is otherwise like another.
class ProgramRewriter {
 public:
  explicit ProgramRewriter(const Schedule& like) : schedule_(like) {
    schedule_.ops.clear();  // keeps its room
    schedule_.rank_begin = {0};
    schedule_.communication.clear();
    schedule_.communication_begin = {0};
  }

  void add(Op op) { schedule_.ops.push_back(op); }
  void add(std::span<const Op> ops) { schedule_.ops.insert(schedule_.ops.end(), ops.begin(), ops.end()); }
  /// Communication at this place, wherever it stood.
  void add(CommAction action) {
    action.position = static_cast<std::uint32_t>(schedule_.ops.size()) - schedule_.rank_begin.back();
    schedule_.communication.push_back(action);
  }

  void next_rank() {
    schedule_.rank_begin.push_back(static_cast<std::uint32_t>(schedule_.ops.size()));
    schedule_.communication_begin.push_back(static_cast<std::uint32_t>(schedule_.communication.size()));
  }

  [[nodiscard]] Schedule take() && {
    if (schedule_.communication.empty()) schedule_.communication_begin.clear();
    return std::move(schedule_);
  }

 private:
  Schedule schedule_;
};

}  // namespace ppsim
