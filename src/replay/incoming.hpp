/// The messages that come to a rank from each other rank, in the order in which that rank sends them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "replay/rank_program.hpp"

namespace ppsim {

/// `index`: of a receive of the program; of a request, the index of its service.
struct Incoming {
  EdgeId edge{};
  std::uint32_t index{};
  bool is_request = false;
};

/// A receive with a turn and the answer to a copy are not among these messages: this rank asks for them when
/// it is ready. Channels are numbered from 0, in the order in which their ranks first stand in the program.
class IncomingMessages {
 public:
  enum class Requests : std::uint8_t { Included, LeftOut };
  /// O(messages x ranks that send).
  IncomingMessages(const RankProgram& program, Requests requests);

  [[nodiscard]] std::size_t channel_count() const { return channels_.size(); }
  /// The channel of the rank that sends. Requires that the rank sends a message of these.
  [[nodiscard]] std::size_t channel_from(Rank from) const;
  [[nodiscard]] bool has_next(std::size_t channel) const;
  /// The message that the rank sends next, which counts as taken from now on; empty behind the last one.
  [[nodiscard]] std::optional<Incoming> take_next(std::size_t channel);

 private:
  struct Channel {
    Rank from{};
    std::vector<Incoming> messages;
    std::size_t next = 0;
  };

  void add(Rank from, Incoming message);
  void add_requests(const RankProgram& program);

  std::vector<Channel> channels_;
};

}  // namespace ppsim
