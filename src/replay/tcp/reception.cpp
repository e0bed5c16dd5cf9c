#include "replay/tcp/reception.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ppsim {
namespace {

std::span<std::byte> hello_bytes(Hello& hello) {
  return std::as_writable_bytes(std::span(&hello, 1));
}

}  // namespace

void say_hello(Socket& socket, const Hello& hello) {
  const auto bytes = std::as_bytes(std::span(&hello, 1));
  if (send_some(socket, bytes).bytes != bytes.size()) socket.close();
}

std::vector<Caller> Reception::receive() {
  accept_all();
  std::vector<Caller> callers;
  for (Waiting& waiting : waiting_) {
    listen(waiting);
    if (waiting.heard == sizeof(Hello) && waiting.caller.socket.is_open())
      callers.push_back(std::move(waiting.caller));
  }
  std::erase_if(waiting_, [](const Waiting& one) { return !one.caller.socket.is_open(); });
  return callers;
}

void Reception::accept_all() {
  while (auto socket = accept_one(listener_)) waiting_.push_back({{{}, std::move(*socket)}});
}

void Reception::listen(Waiting& waiting) {
  Caller& caller = waiting.caller;
  const Moved moved = receive_some(caller.socket, hello_bytes(caller.hello).subspan(waiting.heard));
  waiting.heard += moved.bytes;
  const bool is_stranger = waiting.heard >= sizeof(caller.hello.magic) && caller.hello.magic != Hello::kMagic;
  if (moved.ended || is_stranger) caller.socket.close();
  caller.hello.address.back() = 0;
}

}  // namespace ppsim
