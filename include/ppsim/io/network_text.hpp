/// What `ppsim network` tells of a config, as tables and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ppsim/io/config.hpp"
#include "ppsim/model/collective_table.hpp"
#include "ppsim/model/network.hpp"

namespace ppsim {

struct LinkUse {
  LinkClass links;
  std::uint32_t used = 0;  ///< by transfers
};

enum class TransferKind : std::uint8_t { Forward, Backward, Token };

/// Of each two ranks whose stages follow one another; equal ones are one row.
struct TransferRow {
  TransferKind kind{};
  Rank from{};
  Rank to{};
  Bytes bytes;     ///< of one GPU
  Route route;     ///< with what links have left
  Time latency{};  ///< what the receivers gather included
  Time alone{};
  Time loaded{};      ///< when all rows begin at once and share all links, max-min fair
  LinkShare busiest;  ///< the link that gives the route its bandwidth, with the flows of this row on it
};

/// Links over which transfers of the same several pairs of ranks go.
struct SharedLinks {
  LinkId first{};
  std::uint32_t count = 1;
  BytesPerSecond capacity;
  std::vector<std::pair<Rank, Rank>> pairs;  ///< ascending
};

struct NetworkDescription {
  std::vector<LinkUse> links;
  std::vector<TransferRow> transfers;
  std::vector<SharedLinks> shared;
  std::vector<std::vector<CollectiveRow>> collectives;  ///< [S]; empty for costs given outright
  Network network;
};

/// Tables of links, transfers, links that pairs of ranks share, and the collectives of stages, one for
/// neighbours that are alike.
[[nodiscard]] std::string network_tables(const NetworkDescription& network);

/// One JSON object, two-space indent, newline at the end: "links", "transfers", "shared_links", "stages".
[[nodiscard]] std::string network_json(const NetworkDescription& network, const Config& config);

}  // namespace ppsim
