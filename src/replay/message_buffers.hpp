// Memory for messages whose content nobody reads.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "replay/rank_program.hpp"

namespace ppsim {

/// Kept from step to step, so that only the first one pays for fresh pages.
class MessageBuffers {
 public:
  explicit MessageBuffers(const RankProgram& program);

  /// For any number of sends at once: they only read.
  [[nodiscard]] std::span<const std::byte> outgoing(const Message& send) const;

  /// A receive's own, until it is given back.
  [[nodiscard]] std::span<std::byte> take(const Message& receive);
  void give_back(std::span<std::byte> buffer);

 private:
  using Buffer = std::vector<std::byte>;

  std::size_t longest_receive_ = 0;
  Buffer outgoing_;
  std::vector<Buffer> buffers_;
  std::vector<std::byte*> free_;
};

}  // namespace ppsim
