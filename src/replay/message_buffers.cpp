#include "replay/message_buffers.hpp"

#include <algorithm>

namespace ppsim {
namespace {

std::size_t length(const Message& message) {
  return static_cast<std::size_t>(message.bytes.count());
}

std::size_t longest_send(const RankProgram& program) {
  std::size_t most = 0;
  for (const Message& send : program.sends) most = std::max(most, length(send));
  for (const Service& service : program.services) most = std::max(most, length(service.answer));
  return most;
}

std::size_t longest_receive(const RankProgram& program) {
  std::size_t most = 0;
  for (const Message& receive : program.receives) most = std::max(most, length(receive));
  for (const Service& service : program.services) most = std::max(most, length(service.request));
  return most;
}

// Not zero: pages that were never written are all one page.
constexpr std::byte kFill{0x5A};

}  // namespace

MessageBuffers::MessageBuffers(const RankProgram& program)
    : longest_receive_(longest_receive(program)), outgoing_(longest_send(program), kFill) {}

std::span<const std::byte> MessageBuffers::outgoing(const Message& send) const {
  return std::span(outgoing_).first(length(send));
}

std::span<std::byte> MessageBuffers::take(const Message& receive) {
  if (longest_receive_ == 0) return {};
  if (free_.empty()) free_.push_back(buffers_.emplace_back(longest_receive_, kFill).data());
  std::byte* const buffer = free_.back();
  free_.pop_back();
  return {buffer, length(receive)};
}

void MessageBuffers::give_back(std::span<std::byte> buffer) {
  if (longest_receive_ > 0) free_.push_back(buffer.data());
}

}  // namespace ppsim
