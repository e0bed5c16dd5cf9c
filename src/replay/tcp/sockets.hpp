// Stream sockets that never block, and never raise a signal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "ppsim/core/units.hpp"

namespace ppsim {

/// A name or a number ("node7", "10.0.0.5", "fe80::1%eth0"), and a port.
struct Endpoint {
  std::string address;
  std::uint16_t port = 0;
};
[[nodiscard]] std::string to_string(const Endpoint& endpoint);

/// Of this machine, without asking anybody.
[[nodiscard]] bool is_loopback(const std::string& address);

/// Owns a descriptor.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { close(); }

  [[nodiscard]] int descriptor() const { return descriptor_; }  ///< -1: closed
  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
  void close();

 private:
  int descriptor_ = -1;
};

/// Throws ReplayError that says why not. An empty address: of all of this machine's; port 0: any that is
/// free.
[[nodiscard]] Socket listen_at(const Endpoint& endpoint);

/// One who has called, if one has.
[[nodiscard]] std::optional<Socket> accept_one(const Socket& listener);

/// Closed where nobody answers within `limit`, and why: "Connection refused".
struct Attempt {
  Socket socket;
  std::string why;
};
[[nodiscard]] Attempt connect_to(const Endpoint& endpoint, Time limit);

/// Of a connection: this side of it, and the other.
[[nodiscard]] Endpoint own_end(const Socket& socket);
[[nodiscard]] Endpoint other_end(const Socket& socket);

/// What a send or a receive came to. No bytes, and not ended: not now.
struct Moved {
  std::size_t bytes = 0;
  bool ended = false;  ///< nothing more will come, or can go: the other side has closed, or is lost
};

/// Into one piece of memory and what is left into another; or out of them.
[[nodiscard]] Moved receive_some(const Socket& socket, std::span<std::byte> first,
                                 std::span<std::byte> second = {});
[[nodiscard]] Moved send_some(const Socket& socket, std::span<const std::byte> first,
                              std::span<const std::byte> second = {});

}  // namespace ppsim
