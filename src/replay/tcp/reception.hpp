// Who calls at a rank's listening socket, and the first words of a connection.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

#include "replay/tcp/sockets.hpp"

namespace ppsim {

/// Each pair of ranks has two connections, so that what a rank says when it fails waits behind no message.
enum class Purpose : std::uint16_t {
  Control,
  Data,
};

/// Whoever connects says this first. Numbers as the machine has them: another byte order is another magic.
struct Hello {
  static constexpr std::uint64_t kMagic = 0x70'70'73'69'6D'74'63'70;  // "ppsimtcp"
  static constexpr std::uint32_t kVersion = 1;

  std::uint64_t magic = kMagic;
  std::uint64_t job = 0;  ///< rank 0's number for this run, 0 where it is not known yet
  std::uint32_t version = kVersion;
  std::uint32_t rank = 0;
  std::uint32_t size = 0;
  Purpose purpose{};
  std::uint16_t port = 0;          ///< where the caller listens
  std::array<char, 64> address{};  ///< of the machine where it does, ends with 0
};
static_assert(sizeof(Hello) == 96 && std::is_trivially_copyable_v<Hello>, "it is sent as it lies in memory");

/// Whole, as a new connection takes so few bytes at once; a connection that does not is closed.
void say_hello(Socket& socket, const Hello& hello);

struct Caller {
  Hello hello;
  Socket socket;
};

class Reception {
 public:
  Reception() = default;
  explicit Reception(Socket listener) : listener_(std::move(listener)) {}

  /// Those who have said hello in full since the last time, in any version. Who says something else is a
  /// stranger, whose connection is closed.
  [[nodiscard]] std::vector<Caller> receive();
  [[nodiscard]] std::uint16_t port() const { return own_end(listener_).port; }

 private:
  struct Waiting {
    Caller caller;
    std::size_t heard = 0;  // bytes
  };
  void accept_all();
  static void listen(Waiting& waiting);

  Socket listener_;
  std::vector<Waiting> waiting_;
};

}  // namespace ppsim
