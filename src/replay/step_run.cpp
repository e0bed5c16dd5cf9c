#include "replay/step_run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "replay/group.hpp"

namespace ppsim {
namespace {

// Two messages a transfer at most: its data, and the receiver's word that its turn is there; or a request and
// its answer.
Tag data_tag(const Message& message) {
  return kFirstFreeTag + 2 * message.edge + (message.role == MessageRole::Answer ? 1 : 0);
}
Tag turn_tag(const Message& message) {
  return data_tag(message) + 1;
}

std::span<std::byte> writable_bytes(std::int64_t& number) {
  return std::as_writable_bytes(std::span(&number, 1));
}

}  // namespace

StepRun::StepRun(const RankProgram& program, Transport& transport, Time patience,
                 std::uint32_t receives_ahead)
    : program_(program),
      run_(program, *this),
      transport_(transport),
      patience_(patience),
      receives_ahead_(receives_ahead),
      incoming_(program, IncomingMessages::Requests::Included) {
  times_.start.resize(program.durations.size());
  times_.finish.resize(program.durations.size());
  times_.departure.resize(program.sends.size());
  times_.arrival.resize(program.receives.size());
  send_turns_.resize(program.sends.size());
  send_ready_.resize(program.sends.size());
  receive_turns_.resize(program.receives.size());
  services_left_ = program.services.size();
}

StepTimes StepRun::run() {
  for (std::size_t channel = 0; channel < incoming_.channel_count(); ++channel) {
    for (std::uint32_t i = 0; i < receives_ahead_; ++i) post_ahead(channel);
  }
  run_.begin(begin_time());
  Time heard = clock_now();
  while (true) {
    const Time until = advance();
    if (run_.is_done() && services_left_ == 0 && under_way_ == 0) return std::move(times_);
    const bool idle = until == Time::max();
    if (const auto done = wait(idle ? heard + patience_ : until)) {
      handle(*done);
    } else if (idle) {
      give_up();
    }
    heard = clock_now();
  }
}

// A signal says nothing of where the rank is.
std::optional<Ticket> StepRun::wait(Time until) {
  try {
    return transport_.wait(until);
  } catch (const Stopped& stopped) {
    throw ReplayError(fmt::format("{}: {}", place(), stopped.what()));
  }
}

Ticket StepRun::ticket(Part part, std::uint32_t message) {
  return Ticket{message} << 8 | static_cast<Ticket>(part);
}

void StepRun::post_ahead(std::size_t channel) {
  const std::optional<Incoming> next = incoming_.take_next(channel);
  if (!next) return;
  next->is_request ? post_request(next->index) : post_receive(next->index);
}

void StepRun::post_next_from(Rank rank) {
  post_ahead(incoming_.channel_from(rank));
}

void StepRun::post_request(std::uint32_t service) {
  const Message& request = program_.services[service].request;
  ++under_way_;
  transport_.receive(request.peer, data_tag(request), request_buffer(service),
                     ticket(Part::Request, service));
}

void StepRun::post_receive(std::uint32_t receive) {
  const Message& message = program_.receives[receive];
  ++under_way_;
  transport_.receive(message.peer, data_tag(message), receive_buffer(receive),
                     ticket(Part::Receive, receive));
}

void StepRun::post_send(std::uint32_t send, std::span<const std::byte> data) {
  const Message& message = program_.sends[send];
  ++under_way_;
  transport_.send(message.peer, data_tag(message), data, ticket(Part::Send, send));
}

void StepRun::offer(std::uint32_t send, Time at) {
  const Message& message = program_.sends[send];
  if (message.role == MessageRole::Copy) post_receive(message.answer);
  if (!message.has_turn()) return depart(send, at);
  send_ready_[send] = at;
  ++under_way_;
  transport_.receive(message.peer, turn_tag(message), writable_bytes(send_turns_[send]),
                     ticket(Part::TurnHeard, send));
}

void StepRun::accept(std::uint32_t receive, Time at) {
  const Message& message = program_.receives[receive];
  receive_turns_[receive] = at.count();
  ++under_way_;
  transport_.send(message.peer, turn_tag(message), writable_bytes(receive_turns_[receive]),
                  ticket(Part::TurnSent, receive));
  post_receive(receive);
}

void StepRun::handle(Ticket ticket) {
  --under_way_;
  const auto message = static_cast<std::uint32_t>(ticket >> 8);
  switch (static_cast<Part>(ticket & 0xFF)) {
    case Part::Send:
      return end_send(message);
    case Part::TurnSent:
    case Part::Answer:
      return;
    case Part::TurnHeard:
      return depart(message, std::max(send_ready_[message], Time(send_turns_[message])));
    case Part::Receive:
      return end_receive(message);
    case Part::Request:
      return serve(message);
  }
}

void StepRun::end_receive(std::uint32_t receive) {
  arrive(receive);
  const Message& message = program_.receives[receive];
  if (message.comes_unasked()) post_next_from(message.peer);
}

void StepRun::serve(std::uint32_t service) {
  const Message& reply = program_.services[service].answer;
  --services_left_;
  ++under_way_;
  transport_.send(reply.peer, data_tag(reply), answer(service), ticket(Part::Answer, service));
  post_next_from(reply.peer);
}

void StepRun::give_up() const {
  throw ReplayError(
      fmt::format("{}: nothing came for {} s", place(), std::chrono::duration<double>(patience_).count()));
}

// "rank 2: F of stage 1, micro-batch 5, which waits for a message from rank 1": the first op that has not
// ended.
std::string StepRun::place() const {
  std::uint32_t vertex = 0;
  while (vertex < program_.vertex_count() && run_.has_finished(vertex)) ++vertex;
  if (vertex == program_.vertex_count()) return place_behind_ops();
  std::string text = program_.graph.describe(program_.first + vertex);
  for (std::uint32_t i = 0; i < program_.receives.size(); ++i) {
    if (program_.receives[i].vertex != vertex || run_.has_arrived(i)) continue;
    return text + fmt::format(", which waits for a message from rank {}", index(program_.receives[i].peer));
  }
  return text;
}

std::string StepRun::place_behind_ops() const {
  for (std::uint32_t i = 0; i < program_.sends.size(); ++i) {
    const Message& send = program_.sends[i];
    if (run_.has_left(i)) continue;
    return fmt::format("{}, whose result rank {} does not take",
                       program_.graph.describe(program_.first + send.vertex), index(send.peer));
  }
  return fmt::format("rank {}: behind its last op", index(program_.rank));
}

}  // namespace ppsim
