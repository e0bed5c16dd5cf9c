#include "replay/tcp/transport.hpp"

#include <fmt/format.h>

#include <cstring>
#include <limits>

namespace ppsim {

TcpTransport::TcpTransport(Mesh mesh, const volatile std::sig_atomic_t* signal)
    : signal_(signal), control_(std::move(mesh.control)) {
  for (std::uint32_t peer = 0; peer < size(); ++peer)
    channels_.emplace_back(rank(), Rank{peer}, std::move(mesh.data[peer]), done_);
  polled_.resize(2 * std::size_t{size()});
}

Tag TcpTransport::most_tag() const {
  return std::numeric_limits<Tag>::max();
}

void TcpTransport::send(Rank to, Tag tag, std::span<const std::byte> data, Ticket ticket) {
  channels_[index(to)].send(tag, data, ticket);
}

void TcpTransport::receive(Rank from, Tag tag, std::span<std::byte> data, Ticket ticket) {
  channels_[index(from)].receive(tag, data, ticket);
}

std::optional<Ticket> TcpTransport::poll() {
  check_signal();
  if (done_.empty()) progress();
  if (done_.empty()) return std::nullopt;
  const Ticket ticket = done_.front();
  done_.pop_front();
  return ticket;
}

void TcpTransport::check_signal() const {
  const int signal = signal_ == nullptr ? 0 : *signal_;
  if (signal != 0) throw Stopped(fmt::format("ended by signal {} ({})", signal, strsignal(signal)));
}

void TcpTransport::progress() {
  if (size() == 1) return;
  find_ready();
  bool is_sound = true;
  for (std::uint32_t peer = 0; peer < size(); ++peer) {
    Channel& channel = channels_[peer];
    const short ready = polled_[peer].revents;
    if ((ready & POLLOUT) != 0) channel.write();
    if ((ready & ~POLLOUT) != 0) channel.read();
    if (polled_[size() + peer].revents != 0) {
      control_.look(Rank{peer});
      is_sound = false;
    }
    if (channel.has_ended()) is_sound = false;
  }
  if (!is_sound) check_ranks();
}

void TcpTransport::find_ready() {
  for (std::uint32_t peer = 0; peer < size(); ++peer) {
    const Channel& channel = channels_[peer];
    const auto events = static_cast<short>(POLLIN | (channel.has_to_write() ? POLLOUT : 0));
    polled_[peer] = {channel.socket().descriptor(), events, 0};
    polled_[size() + peer] = {control_.socket(Rank{peer}).descriptor(), POLLIN, 0};
  }
  if (::poll(polled_.data(), polled_.size(), 0) < 0) {  // on a signal, which is seen at the next look
    for (pollfd& one : polled_) one.revents = 0;
  }
}

// Why a rank has gone it may have said before.
void TcpTransport::check_ranks() {
  control_.look();
  if (control_.is_over()) throw ReplayError(fmt::format("rank {}: another rank has failed", index(rank())));
  if (const std::string* line = control_.heard(Word::Fault)) throw ReplayError(*line);
  for (std::uint32_t peer = 0; peer < size(); ++peer) {
    if (has_gone(Rank{peer}))
      throw ReplayError(fmt::format("rank {}: rank {} has gone: its process has ended, or cannot be reached",
                                    index(rank()), peer));
  }
}

bool TcpTransport::has_gone(Rank peer) const {
  return peer != rank() && (!control_.is_here(peer) || channels_[index(peer)].has_ended());
}

}  // namespace ppsim
