// Messages over the connections of a mesh.
#pragma once

#include <poll.h>

#include <csignal>
#include <deque>
#include <vector>

#include "replay/tcp/channel.hpp"
#include "replay/tcp/meeting.hpp"

namespace ppsim {

/// Keeps all that comes before it is received. A send is done when the kernel has the last of it.
class TcpTransport final : public Transport {
 public:
  TcpTransport(Mesh mesh, const volatile std::sig_atomic_t* signal);

  [[nodiscard]] Rank rank() const override { return control_.own(); }
  [[nodiscard]] std::uint32_t size() const override { return control_.size(); }
  [[nodiscard]] Tag most_tag() const override;
  void send(Rank to, Tag tag, std::span<const std::byte> data, Ticket ticket) override;
  void receive(Rank from, Tag tag, std::span<std::byte> data, Ticket ticket) override;
  std::optional<Ticket> poll() override;

  [[nodiscard]] Control& control() { return control_; }

 private:
  void check_signal() const;
  void progress();
  void find_ready();
  void check_ranks();
  [[nodiscard]] bool has_gone(Rank rank) const;

  const volatile std::sig_atomic_t* signal_;
  Control control_;
  std::deque<Ticket> done_;
  std::vector<Channel> channels_;  // [ranks]
  std::vector<pollfd> polled_;     // [ranks] messages, and behind them [ranks] control
};

}  // namespace ppsim
