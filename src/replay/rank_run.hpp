// How far one rank is with its program in one step.
#pragma once

#include <vector>

#include "replay/rank_program.hpp"

namespace ppsim {

/// Knows what waits for what, and nothing of how ops and messages are carried out: it tells its Actor what
/// may begin, and is told what has ended, each with a time. Times only go into maxima, so they may be real or
/// virtual.
class RankRun {
 public:
  class Actor {
   public:
    virtual ~Actor() = default;
    virtual void start(std::uint32_t vertex, Time at) = 0;    ///< all that it waits for is there
    virtual void offer(std::uint32_t send, Time at) = 0;      ///< its data, and its turn where it has one
    virtual void accept(std::uint32_t receive, Time at) = 0;  ///< has_turn(): its turn is there
  };

  /// Keeps references.
  RankRun(const RankProgram& program, Actor& actor);

  /// What waits for nothing begins.
  void begin(Time at);
  void finish(std::uint32_t vertex, Time at);
  void sent(std::uint32_t send, Time at);        ///< its last byte has left
  void arrived(std::uint32_t receive, Time at);  ///< its last byte is here

  [[nodiscard]] bool is_done() const { return left_ == 0; }
  [[nodiscard]] bool has_finished(std::uint32_t vertex) const { return finished_[vertex]; }
  [[nodiscard]] bool has_arrived(std::uint32_t receive) const { return arrived_[receive]; }
  [[nodiscard]] bool has_left(std::uint32_t send) const { return sent_[send]; }

 private:
  void input(std::uint32_t vertex, Time at);
  void release(std::uint32_t vertex, Time at);
  void allow(std::uint32_t send, Time at);
  void pass(std::uint32_t turn, Time at);
  void end_turn(std::uint32_t turn, Time at);
  void open(std::uint32_t turn);

  const RankProgram& program_;
  Actor& actor_;
  std::size_t left_;  // vertices, sends and receives that have not ended
  std::vector<std::uint32_t> inputs_, turn_waits_, held_by_;
  std::vector<std::uint8_t> send_waits_;
  std::vector<Time> ready_, send_ready_, turn_opens_, released_;
  std::vector<bool> finished_, arrived_, sent_;
};

}  // namespace ppsim
