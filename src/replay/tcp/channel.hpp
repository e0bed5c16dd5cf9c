// The connection to one rank that carries messages.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <memory>

#include "replay/tcp/inbox.hpp"
#include "replay/tcp/sockets.hpp"

namespace ppsim {

/// On the wire a message is its tag and its length, and then its bytes.
struct Frame {
  std::uint64_t tag = 0;
  std::uint64_t length = 0;
};

class Channel {
 public:
  /// A closed socket: of the rank to itself, which sends straight to its inbox.
  Channel(Rank own, Rank peer, Socket socket, std::deque<Ticket>& done)
      : socket_(std::move(socket)), inbox_(own, peer, done), done_(done) {}

  void send(Tag tag, std::span<const std::byte> data, Ticket ticket);
  void receive(Tag tag, std::span<std::byte> data, Ticket ticket) { inbox_.receive(tag, data, ticket); }

  /// Takes what has come; hands the kernel what it takes. Some at a time, so that others get their turn.
  void read();
  void write();

  [[nodiscard]] const Socket& socket() const { return socket_; }
  [[nodiscard]] bool has_to_write() const { return !outgoing_.empty(); }
  [[nodiscard]] bool has_ended() const { return has_ended_; }

 private:
  struct Outgoing {
    Frame frame;
    std::span<const std::byte> data;
    Ticket ticket = 0;
    std::size_t sent = 0;  // of frame and data

    [[nodiscard]] bool is_sent() const { return sent == sizeof(frame) + data.size(); }
  };

  void send_to_itself(Tag tag, std::span<const std::byte> data, Ticket ticket);
  Moved send_more(const Outgoing& message) const;
  void take(std::size_t bytes);
  void take_staged();

  Socket socket_;
  Inbox inbox_;
  std::deque<Ticket>& done_;
  std::deque<Outgoing> outgoing_;
  // What came behind a message, or many small ones at once.
  static constexpr std::size_t kStage = 64U << 10;
  std::unique_ptr<std::array<std::byte, kStage>> stage_ = std::make_unique<std::array<std::byte, kStage>>();
  std::size_t staged_ = 0;
  bool has_ended_ = false;
};

}  // namespace ppsim
