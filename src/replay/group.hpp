/// What all ranks of a replay do together, over plain messages, so that every transport has it.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ppsim/core/units.hpp"
#include "replay/transport.hpp"

namespace ppsim {

using Blob = std::vector<std::byte>;

/// Tags below this are the group's and the job's; a replay's own messages begin here.
inline constexpr Tag kFirstFreeTag = 16;

/// Collective operations, rank 0 in the middle. Each is called by all ranks in the same order, while no other
/// send or receive is under way. Each throws ReplayError, which names the rank that does not answer, when
/// nothing comes for some times `patience`. O(P) messages.
class Group {
 public:
  Group(Transport& transport, Time patience) : transport_(transport), patience_(patience) {}

  [[nodiscard]] Transport& transport() { return transport_; }
  [[nodiscard]] Time patience() const { return patience_; }
  [[nodiscard]] bool is_first() const { return transport_.rank() == Rank{0}; }

  /// Nobody returns before all have called it.
  void barrier();

  /// On rank 0 each rank's blob, by rank; elsewhere empty.
  [[nodiscard]] std::vector<Blob> gather(std::span<const std::byte> blob);

  /// Rank 0's blob, everywhere.
  [[nodiscard]] Blob broadcast(std::span<const std::byte> blob);

  /// Each rank says what is wrong with it, or "". The first fault by rank, everywhere; where not all ranks
  /// have the same one, "rank 3: " stands before it. "" where all is well.
  [[nodiscard]] std::string first_fault(std::string_view fault);

  /// One message between two ranks, in one direction.
  void send(Rank to, std::span<const std::byte> data);
  void receive(Rank from, std::span<std::byte> data);

 private:
  [[nodiscard]] Time limit() const;
  void finish(Rank peer);
  void send_blob(Rank to, std::span<const std::byte> blob);
  [[nodiscard]] Blob receive_blob(Rank from);

  Transport& transport_;
  Time patience_;
};

[[nodiscard]] std::span<const std::byte> bytes_of(std::string_view text);
[[nodiscard]] std::string_view text_of(std::span<const std::byte> bytes);

}  // namespace ppsim
