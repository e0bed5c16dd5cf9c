/// The rows of a trace: which streams each rank has, and the slices and counters on them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "output/trace/lanes.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"

namespace ppsim {

/// One row: a thread of a rank's process.
struct Track {
  std::uint32_t rank = 0;
  std::string name;  ///< "compute", "send", "send 2", ...
};

/// A box on a row. `source` is a vertex on compute and collective rows, an index into transfers on the
/// others.
struct Slice {
  enum class Kind : std::uint8_t { Action, Send, Receive };

  Interval span;
  std::uint32_t track = 0;
  std::uint32_t source = 0;
  Kind kind = Kind::Action;
};

struct Tracks {
  std::vector<Track> tracks;                 ///< rank by rank: compute, sends, receives, collectives
  std::vector<Slice> slices;                 ///< vertices first (slice v is vertex v), then transfers
  std::vector<Transfer> transfers;           ///< all of the graph
  std::vector<std::uint32_t> send_slice;     ///< [transfers], kNoSlice where it takes no time
  std::vector<std::uint32_t> receive_slice;  ///< [transfers]
};
inline constexpr std::uint32_t kNoSlice = 0xFFFFFFFF;

/// Transfers that last no time have no slice: nothing would be seen, and a slice without length at the border
/// of another would nest in it. Those that overlap on one rank go to lanes.
[[nodiscard]] Tracks make_tracks(const OpGraph& graph, const Timeline& timeline);

}  // namespace ppsim
