/// The seam for what carries messages between the ranks of a replay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include "ppsim/core/ids.hpp"
#include "ppsim/core/units.hpp"

namespace ppsim {

/// A replay that cannot go on: what() is one line that names the rank, and the op where it is known. The
/// program ends with exit code 1.
class ReplayError : public std::runtime_error {
 public:
  explicit ReplayError(const std::string& line) : std::runtime_error(line) {}
};

/// What all ranks found out together, each throws: to say it once is enough.
class JointError : public ReplayError {
 public:
  using ReplayError::ReplayError;
};

/// A signal asks the replay to end.
class Stopped : public ReplayError {
 public:
  using ReplayError::ReplayError;
};

/// The clock of a replay, on this machine: ns of CLOCK_MONOTONIC.
[[nodiscard]] Time clock_now();

/// Tells the messages from one rank to another apart; those of equal tag arrive in the order they were sent.
using Tag = std::uint32_t;

/// The caller's own name for a send or a receive that is under way.
using Ticket = std::uint64_t;

/// One rank's end. Sends and receives do not wait; poll() and wait() say when they are done. All of it from
/// one thread.
class Transport {
 public:
  virtual ~Transport() = default;

  [[nodiscard]] virtual Rank rank() const = 0;
  [[nodiscard]] virtual std::uint32_t size() const = 0;  ///< ranks
  [[nodiscard]] virtual Tag most_tag() const = 0;

  /// `data` must stay as it is until the send is done, which may be before it is received.
  virtual void send(Rank to, Tag tag, std::span<const std::byte> data, Ticket ticket) = 0;

  /// Takes the next message of that sender and tag, which is as long as `data`. `data` must stay where it is
  /// until the receive is done.
  virtual void receive(Rank from, Tag tag, std::span<std::byte> data, Ticket ticket) = 0;

  /// One that is done, each once. Lets those under way progress. Throws ReplayError where the replay is to
  /// end: on a signal, or because another rank failed.
  [[nodiscard]] virtual std::optional<Ticket> poll() = 0;

  /// Polls until one is done or the clock passes `until`; at least once. Gives the processor to others
  /// meanwhile: there may be more ranks than cores.
  [[nodiscard]] std::optional<Ticket> wait(Time until);
};

}  // namespace ppsim
