#include "replay/incoming.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ppsim/core/error.hpp"

namespace ppsim {

IncomingMessages::IncomingMessages(const RankProgram& program, Requests requests) {
  for (std::uint32_t i = 0; i < program.receives.size(); ++i) {
    const Message& receive = program.receives[i];
    if (receive.comes_unasked()) add(receive.peer, {receive.edge, i, false});
  }
  if (requests == Requests::Included) add_requests(program);
}

// A rank sends requests between its other messages: by edge is the order in which it sends all of them.
void IncomingMessages::add_requests(const RankProgram& program) {
  for (std::uint32_t i = 0; i < program.services.size(); ++i) {
    const Message& request = program.services[i].request;
    add(request.peer, {request.edge, i, true});
  }
  for (Channel& channel : channels_) {
    std::sort(channel.messages.begin(), channel.messages.end(),
              [](const Incoming& a, const Incoming& b) { return a.edge < b.edge; });
  }
}

void IncomingMessages::add(Rank from, Incoming message) {
  auto channel =
      std::find_if(channels_.begin(), channels_.end(), [&](const Channel& one) { return one.from == from; });
  if (channel == channels_.end()) channel = channels_.insert(channel, {from, {}});
  channel->messages.push_back(message);
}

std::size_t IncomingMessages::channel_from(Rank from) const {
  const auto found =
      std::find_if(channels_.begin(), channels_.end(), [&](const Channel& one) { return one.from == from; });
  PPSIM_ASSERT(found != channels_.end(), fmt::format("rank {} sends nothing unasked", index(from)));
  return static_cast<std::size_t>(found - channels_.begin());
}

bool IncomingMessages::has_next(std::size_t channel) const {
  return channels_[channel].next < channels_[channel].messages.size();
}

std::optional<Incoming> IncomingMessages::take_next(std::size_t channel) {
  if (!has_next(channel)) return std::nullopt;
  return channels_[channel].messages[channels_[channel].next++];
}

}  // namespace ppsim
