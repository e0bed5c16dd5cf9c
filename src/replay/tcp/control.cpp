#include "replay/tcp/control.hpp"

#include <time.h>

#include <array>
#include <cstring>
#include <span>

namespace ppsim {
namespace {

struct Header {
  Word word;
  std::uint32_t length;
};

// The longest is the table, of about 100 bytes a rank.
constexpr std::uint32_t kMostLength = 16U << 20;

}  // namespace

void ControlLink::tell(Word word, std::string_view text) {
  if (!socket_.is_open()) return;
  const Header header{word, static_cast<std::uint32_t>(text.size())};
  outgoing_.append(reinterpret_cast<const char*>(&header), sizeof(header)).append(text);
  send();
}

void ControlLink::send() {
  while (!outgoing_.empty()) {
    const Moved moved = send_some(socket_, std::as_bytes(std::span(outgoing_)));
    if (moved.ended) outgoing_.clear();  // what it said before that is still to be read
    if (moved.bytes == 0) return;
    outgoing_.erase(0, moved.bytes);
  }
}

void ControlLink::look() {
  if (!socket_.is_open()) return;
  send();
  std::array<char, 4096> buffer;
  Moved moved;
  do {
    moved = receive_some(socket_, std::as_writable_bytes(std::span(buffer)));
    incoming_.append(buffer.data(), moved.bytes);
  } while (moved.bytes > 0);
  take_words();
  if (moved.ended) socket_.close();
}

void ControlLink::take_words() {
  Header header{};
  while (incoming_.size() >= sizeof(header)) {
    std::memcpy(&header, incoming_.data(), sizeof(header));
    if (header.length > kMostLength) return socket_.close();
    if (incoming_.size() < sizeof(header) + header.length) return;
    heard_.emplace(header.word, incoming_.substr(sizeof(header), header.length));
    incoming_.erase(0, sizeof(header) + header.length);
  }
}

const std::string* ControlLink::heard(Word word) const {
  const auto found = heard_.find(word);
  return found == heard_.end() ? nullptr : &found->second;
}

void Control::tell_all(Word word, std::string_view text) {
  for (ControlLink& link : links_) link.tell(word, text);
}

void Control::look() {
  for (ControlLink& link : links_) link.look();
}

const std::string* Control::heard(Word word) const {
  for (const ControlLink& link : links_) {
    if (const std::string* text = link.heard(word)) return text;
  }
  return nullptr;
}

void nap_before_look() {
  const timespec nap{0, 2'000'000};
  nanosleep(&nap, nullptr);  // ended early by a signal, it only means one look more
}

}  // namespace ppsim
