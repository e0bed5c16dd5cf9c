// One step of one rank: its program, carried out over a transport.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "replay/incoming.hpp"
#include "replay/rank_program.hpp"
#include "replay/rank_run.hpp"
#include "replay/step_times.hpp"
#include "replay/transport.hpp"

namespace ppsim {

/// Posts sends and receives; a kind of step says what an op is and what a message carries.
///
/// Receives are posted ahead, for each sender in the order in which it sends, and at most `receives_ahead` of
/// them at once: what a sender sends next is always among them, so that its sends come through whatever this
/// rank waits for. A message with a turn is a rendezvous: the receiver says when its turn is there, and only
/// then the sender sends.
class StepRun : private RankRun::Actor {
 public:
  StepRun(const RankProgram& program, Transport& transport, Time patience, std::uint32_t receives_ahead);

  /// Returns when all ops are done and all messages are sent and received. Throws ReplayError where nothing
  /// comes for `patience` while the rank has nothing to do, and says what it waits for.
  StepTimes run();

 protected:
  /// Carries out what can be without waiting. Until when there will be nothing more to do, unless a message
  /// comes; Time::max(): for ever.
  virtual Time advance() = 0;
  [[nodiscard]] virtual Time begin_time() const = 0;
  /// `ready`: when all is there that the send waits for.
  virtual void depart(std::uint32_t send, Time ready) = 0;
  virtual void end_send(std::uint32_t send) = 0;  ///< the transport is done with it
  virtual void arrive(std::uint32_t receive) = 0;
  [[nodiscard]] virtual std::span<std::byte> receive_buffer(std::uint32_t receive) = 0;
  [[nodiscard]] virtual std::span<std::byte> request_buffer(std::uint32_t service) = 0;
  /// The request is here: what is sent back.
  [[nodiscard]] virtual std::span<const std::byte> answer(std::uint32_t service) = 0;

  void post_send(std::uint32_t send, std::span<const std::byte> data);

  const RankProgram& program_;
  RankRun run_;
  StepTimes times_;

 private:
  // What a ticket stands for, beside the index of a message.
  enum class Part : std::uint8_t { Send, Receive, TurnSent, TurnHeard, Request, Answer };

  void offer(std::uint32_t send, Time at) final;
  void accept(std::uint32_t receive, Time at) final;

  void post_ahead(std::size_t channel);
  void post_next_from(Rank rank);
  void post_receive(std::uint32_t receive);
  void post_request(std::uint32_t service);
  void handle(Ticket ticket);
  void end_receive(std::uint32_t receive);
  void serve(std::uint32_t service);
  [[nodiscard]] static Ticket ticket(Part part, std::uint32_t message);
  [[nodiscard]] std::optional<Ticket> wait(Time until);
  [[noreturn]] void give_up() const;
  [[nodiscard]] std::string place() const;
  [[nodiscard]] std::string place_behind_ops() const;

  Transport& transport_;
  Time patience_;
  std::uint32_t receives_ahead_;
  IncomingMessages incoming_;                             // taken once they are posted
  std::vector<std::int64_t> send_turns_, receive_turns_;  // ns; what the receiver says of its turn
  std::vector<Time> send_ready_;                          // [sends] with a turn
  std::size_t under_way_ = 0;                             // tickets
  std::size_t services_left_ = 0;
};

}  // namespace ppsim
