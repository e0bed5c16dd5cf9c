// Messages from one rank: those that came before anybody asked, and the receives whose message has not come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "replay/transport.hpp"

namespace ppsim {

/// Messages come one after the other, each in pieces. Throws ReplayError where a message is not as long as
/// its receive.
class Inbox {
 public:
  Inbox(Rank own, Rank from, std::deque<Ticket>& done) : own_(own), from_(from), done_(done) {}

  void receive(Tag tag, std::span<std::byte> data, Ticket ticket);

  /// The next message: its bytes go to rest(), piece by piece.
  void begin(Tag tag, std::uint64_t length);
  /// Where the next bytes go; empty between messages.
  [[nodiscard]] std::span<std::byte> rest() const { return target_.subspan(filled_); }
  void advance(std::size_t bytes);

 private:
  struct Posted {
    std::span<std::byte> data;
    Ticket ticket;
  };

  void end();
  void check_length(Tag tag, std::uint64_t length, std::uint64_t expected) const;
  void take_over(std::span<std::byte> data, Ticket ticket);

  Rank own_, from_;
  std::deque<Ticket>& done_;
  std::map<Tag, std::deque<Posted>> posted_;
  std::map<Tag, std::deque<std::vector<std::byte>>> kept_;  // whole ones
  // The message that is coming.
  bool comes_ = false;
  Tag tag_ = 0;
  std::span<std::byte> target_;  // of a receive, or `buffer_`
  std::size_t filled_ = 0;
  std::optional<Ticket> ticket_;  // of that receive
  std::vector<std::byte> buffer_;
};

}  // namespace ppsim
