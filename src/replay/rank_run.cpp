#include "replay/rank_run.hpp"

#include <algorithm>

namespace ppsim {

RankRun::RankRun(const RankProgram& program, Actor& actor)
    : program_(program),
      actor_(actor),
      left_(program.durations.size() + program.sends.size() + program.receives.size()),
      inputs_(program.inputs),
      held_by_(program.durations.size(), 1),  // by the op itself
      ready_(program.durations.size()),
      send_ready_(program.sends.size()),
      turn_opens_(program.turns.size()),
      released_(program.durations.size()),
      finished_(program.durations.size()),
      arrived_(program.receives.size()),
      sent_(program.sends.size()) {
  for (const Turn& turn : program.turns) turn_waits_.push_back(turn.waits);
  for (const Message& send : program.sends) {
    send_waits_.push_back(send.has_turn() ? 2 : 1);
    if (send.holds_sender) ++held_by_[send.vertex];
  }
}

void RankRun::begin(Time at) {
  std::fill(ready_.begin(), ready_.end(), at);
  for (std::uint32_t turn = 0; turn < program_.turns.size(); ++turn) {
    if (program_.turns[turn].waits > 0) continue;
    turn_opens_[turn] = at;
    open(turn);
  }
  for (std::uint32_t vertex = 0; vertex < program_.vertex_count(); ++vertex) {
    if (program_.inputs[vertex] == 0) actor_.start(vertex, at);
  }
}

void RankRun::finish(std::uint32_t vertex, Time at) {
  --left_;
  finished_[vertex] = true;
  for (std::uint32_t send = program_.send_begin[vertex]; send < program_.send_begin[vertex + 1]; ++send)
    allow(send, at);
  for (const LocalEdge& edge : program_.local_edges_of(vertex)) {
    if (!edge.program) input(edge.target, at);
  }
  if (!program_.turns_behind.empty()) {
    for (const std::uint32_t turn : program_.turns_behind[vertex]) pass(turn, at);
  }
  release(vertex, at);
}

// The next op may have the rank when neither this one nor a send of it holds it any more.
void RankRun::release(std::uint32_t vertex, Time at) {
  released_[vertex] = std::max(released_[vertex], at);
  if (--held_by_[vertex] > 0) return;
  for (const LocalEdge& edge : program_.local_edges_of(vertex)) {
    if (edge.program) input(edge.target, released_[vertex]);
  }
}

void RankRun::input(std::uint32_t vertex, Time at) {
  ready_[vertex] = std::max(ready_[vertex], at);
  if (--inputs_[vertex] == 0) actor_.start(vertex, ready_[vertex]);
}

void RankRun::allow(std::uint32_t send, Time at) {
  send_ready_[send] = std::max(send_ready_[send], at);
  if (--send_waits_[send] == 0) actor_.offer(send, send_ready_[send]);
}

void RankRun::sent(std::uint32_t send, Time at) {
  --left_;
  sent_[send] = true;
  const Message& message = program_.sends[send];
  end_turn(message.turn, at);
  if (message.holds_sender) release(message.vertex, at);
}

void RankRun::arrived(std::uint32_t receive, Time at) {
  --left_;
  arrived_[receive] = true;
  end_turn(program_.receives[receive].turn, at);
  input(program_.receives[receive].vertex, at);
}

void RankRun::end_turn(std::uint32_t turn, Time at) {
  if (turn != kNoGate && program_.turns[turn].next != kNoGate) pass(program_.turns[turn].next, at);
}

void RankRun::pass(std::uint32_t turn, Time at) {
  turn_opens_[turn] = std::max(turn_opens_[turn], at);
  if (--turn_waits_[turn] == 0) open(turn);
}

void RankRun::open(std::uint32_t turn) {
  for (const std::uint32_t send : program_.turns[turn].sends) allow(send, turn_opens_[turn]);
  for (const std::uint32_t receive : program_.turns[turn].receives) actor_.accept(receive, turn_opens_[turn]);
}

}  // namespace ppsim
