#include "replay/tcp/sockets.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "replay/transport.hpp"

namespace ppsim {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

// All that a name stands for, in the order of preference; `why` where there is none.
Addresses resolve(const Endpoint& endpoint, std::string& why) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int fault =
      getaddrinfo(endpoint.address.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
  if (fault != 0) why = gai_strerror(fault);
  return {fault == 0 ? found : nullptr, freeaddrinfo};
}

Socket make_socket(const addrinfo& address) {
  return Socket(socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

void set_option(const Socket& socket, int level, int name, int value) {
  // One that this kernel lacks makes nothing wrong, but later or slower.
  (void)setsockopt(socket.descriptor(), level, name, &value, sizeof(value));
}

// Messages leave at once. A machine that is lost says nothing: after half a minute of silence its kernel is
// asked, and taken for lost after some more.
void prepare(const Socket& socket) {
  constexpr int kSilence = 30, kBetween = 5, kTries = 3;  // s
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, kSilence);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, kBetween);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, kTries);
}

// Closed, and errno, where it cannot.
Socket try_to_listen(const addrinfo& address) {
  Socket listener = make_socket(address);
  if (!listener.is_open()) return listener;
  set_option(listener, SOL_SOCKET, SO_REUSEADDR, 1);  // connections of a job before this one may linger
  if (address.ai_family == AF_INET6) set_option(listener, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (bind(listener.descriptor(), address.ai_addr, address.ai_addrlen) != 0 ||
      listen(listener.descriptor(), SOMAXCONN) != 0)
    listener.close();
  return listener;
}

using NameOf = int(int, sockaddr*, socklen_t*);

Endpoint end_of(const Socket& socket, NameOf* name_of) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (name_of(socket.descriptor(), address, &length) != 0 ||
      getnameinfo(address, length, host.data(), host.size(), port.data(), port.size(),
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return {};
  return {host.data(), static_cast<std::uint16_t>(std::stoul(port.data()))};
}

// 0, or errno.
int wait_until_connected(const Socket& socket, Time limit) {
  pollfd wanted{socket.descriptor(), POLLOUT, 0};
  const int ready = poll(&wanted, 1, static_cast<int>(limit.count() / 1'000'000));
  if (ready <= 0) return ready == 0 ? ETIMEDOUT : errno;
  int fault = 0;
  socklen_t length = sizeof(fault);
  getsockopt(socket.descriptor(), SOL_SOCKET, SO_ERROR, &fault, &length);
  return fault;
}

// Where nobody listens yet, the port that the kernel picks for this side may be the very one that is called.
bool is_its_own_other_end(const Socket& socket) {
  const Endpoint own = own_end(socket), other = other_end(socket);
  return own.port == other.port && own.address == other.address;
}

Attempt try_to_connect(const addrinfo& address, Time limit) {
  Socket socket = make_socket(address);
  if (!socket.is_open()) return {{}, std::strerror(errno)};
  int fault = connect(socket.descriptor(), address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (fault == EINPROGRESS) fault = wait_until_connected(socket, limit);
  if (fault != 0) return {{}, std::strerror(fault)};
  if (is_its_own_other_end(socket)) return {{}, std::strerror(ECONNREFUSED)};
  prepare(socket);
  return {std::move(socket), {}};
}

Moved moved(ssize_t bytes) {
  if (bytes > 0) return {static_cast<std::size_t>(bytes), false};
  const bool later = bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  return {0, !later};
}

iovec piece(std::span<const std::byte> memory) {
  return {const_cast<std::byte*>(memory.data()), memory.size()};
}

}  // namespace

std::string to_string(const Endpoint& endpoint) {
  const bool has_colons = endpoint.address.find(':') != std::string::npos;
  const std::string address = has_colons ? "[" + endpoint.address + "]" : endpoint.address;
  return fmt::format("{}:{}", address, endpoint.port);
}

bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || address.starts_with("127.");
}

Socket::Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

void Socket::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

Socket listen_at(const Endpoint& endpoint) {
  // "::" takes IPv4 too, where the machine has IPv6.
  if (endpoint.address.empty()) {
    std::string ignored;
    const Addresses both = resolve({"::", endpoint.port}, ignored);
    Socket listener = both ? try_to_listen(*both) : Socket();
    return listener.is_open() ? std::move(listener) : listen_at({"0.0.0.0", endpoint.port});
  }
  std::string why;
  const Addresses addresses = resolve(endpoint, why);
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    Socket listener = try_to_listen(*address);
    if (listener.is_open()) return listener;
    why = std::strerror(errno);
  }
  throw ReplayError(fmt::format("cannot listen at {}: {}", to_string(endpoint), why));
}

std::optional<Socket> accept_one(const Socket& listener) {
  Socket caller(accept4(listener.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!caller.is_open()) return std::nullopt;
  prepare(caller);
  return caller;
}

Attempt connect_to(const Endpoint& endpoint, Time limit) {
  Attempt attempt;
  const Addresses addresses = resolve(endpoint, attempt.why);
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    attempt = try_to_connect(*address, limit);
    if (attempt.socket.is_open()) break;
  }
  return attempt;
}

Endpoint own_end(const Socket& socket) {
  return end_of(socket, getsockname);
}

Endpoint other_end(const Socket& socket) {
  return end_of(socket, getpeername);
}

Moved receive_some(const Socket& socket, std::span<std::byte> first, std::span<std::byte> second) {
  std::array<iovec, 2> pieces = {piece(first), piece(second)};
  return moved(readv(socket.descriptor(), pieces.data(), static_cast<int>(pieces.size())));
}

Moved send_some(const Socket& socket, std::span<const std::byte> first, std::span<const std::byte> second) {
  std::array<iovec, 2> pieces = {piece(first), piece(second)};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  return moved(sendmsg(socket.descriptor(), &message, MSG_NOSIGNAL));
}

}  // namespace ppsim
