#include "replay/tcp/table.hpp"

#include <fmt/format.h>

#include <sstream>

namespace ppsim {

// "JOB PORT ADDRESS PORT ADDRESS ...", from rank 1 on; numeric addresses have no blanks.
std::string to_text(const RankTable& table) {
  std::string text = std::to_string(table.job);
  for (std::size_t rank = 1; rank < table.places.size(); ++rank)
    text += fmt::format(" {} {}", table.places[rank].port, table.places[rank].address);
  return text;
}

RankTable parse_rank_table(const std::string& text, std::uint32_t size) {
  RankTable table;
  table.places.resize(size);
  std::istringstream words(text);
  words >> table.job;
  for (std::uint32_t rank = 1; rank < size; ++rank)
    words >> table.places[rank].port >> table.places[rank].address;
  return table;
}

}  // namespace ppsim
