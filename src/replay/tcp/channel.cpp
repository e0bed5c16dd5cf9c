#include "replay/tcp/channel.hpp"

#include <algorithm>
#include <cstring>

namespace ppsim {
namespace {

// At most in one call, each way: about what a loopback connection's buffers hold.
constexpr std::size_t kMostAtOnce = 4U << 20;

}  // namespace

void Channel::send(Tag tag, std::span<const std::byte> data, Ticket ticket) {
  if (!socket_.is_open()) return send_to_itself(tag, data, ticket);
  outgoing_.push_back({{tag, data.size()}, data, ticket});
  if (outgoing_.size() == 1) write();
}

void Channel::send_to_itself(Tag tag, std::span<const std::byte> data, Ticket ticket) {
  inbox_.begin(tag, data.size());
  std::copy(data.begin(), data.end(), inbox_.rest().begin());
  inbox_.advance(data.size());
  done_.push_back(ticket);
}

void Channel::write() {
  for (std::size_t total = 0; !outgoing_.empty() && total < kMostAtOnce;) {
    Outgoing& message = outgoing_.front();
    const Moved moved = send_more(message);
    if (moved.ended) has_ended_ = true;
    if (moved.bytes == 0) return;
    total += moved.bytes;
    message.sent += moved.bytes;
    if (!message.is_sent()) continue;
    done_.push_back(message.ticket);
    outgoing_.pop_front();
  }
}

Moved Channel::send_more(const Outgoing& message) const {
  const auto frame = std::as_bytes(std::span(&message.frame, 1));
  const std::size_t of_frame = std::min(message.sent, frame.size());
  return send_some(socket_, frame.subspan(of_frame), message.data.subspan(message.sent - of_frame));
}

void Channel::read() {
  for (std::size_t total = 0; total < kMostAtOnce && !has_ended_;) {
    const Moved moved = receive_some(socket_, inbox_.rest(), std::span(*stage_).subspan(staged_));
    if (moved.ended) has_ended_ = true;
    if (moved.bytes == 0) return;
    total += moved.bytes;
    take(moved.bytes);
  }
}

void Channel::take(std::size_t bytes) {
  const std::size_t direct = std::min(bytes, inbox_.rest().size());
  inbox_.advance(direct);
  staged_ += bytes - direct;
  take_staged();
}

// Frames, and as much of what they announce as is here. Less than a frame stays.
void Channel::take_staged() {
  std::span<const std::byte> left = std::span(*stage_).first(staged_);
  while (left.size() >= sizeof(Frame)) {
    Frame frame;
    std::memcpy(&frame, left.data(), sizeof(frame));
    left = left.subspan(sizeof(frame));
    inbox_.begin(static_cast<Tag>(frame.tag), frame.length);
    const std::size_t here = std::min(left.size(), inbox_.rest().size());
    std::copy_n(left.begin(), here, inbox_.rest().begin());
    inbox_.advance(here);
    left = left.subspan(here);
  }
  std::memmove(stage_->data(), left.data(), left.size());
  staged_ = left.size();
}

}  // namespace ppsim
