// What rank 0 tells all when all have come, as text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "replay/tcp/sockets.hpp"

namespace ppsim {

struct RankTable {
  std::uint64_t job = 0;
  std::vector<Endpoint> places;  ///< [ranks], rank 0's is empty
};

[[nodiscard]] std::string to_text(const RankTable& table);
[[nodiscard]] RankTable parse_rank_table(const std::string& text, std::uint32_t size);

}  // namespace ppsim
