// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// The collectives of each stage: who takes part, over which links, and how long one takes alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ppsim/model/collectives/collectives.hpp"
#include "ppsim/model/costs/workload.hpp"

namespace ppsim {

struct CollectiveRow {
  std::string name;       ///< "tensor all-reduce"
  std::string algorithm;  ///< of Parallelism::collectives; "pairwise" of an all-to-all
  std::uint64_t members = 1;
  std::uint64_t nodes = 1;   ///< that a group spans
  BytesPerSecond bandwidth;  ///< of its rings; of one GPU where each sends to another (to one in another
                             ///< node, if there is any)
  Bytes bytes;               ///< that each GPU has, or hands on, as collectives.hpp counts them
  Seconds alone{};           ///< one of them, with nothing else on its links but the groups of its block

  friend bool operator==(const CollectiveRow&, const CollectiveRow&) = default;
};

using CollectiveRows = std::vector<CollectiveRow>;

/// [S] Of the stages that make_workload() makes of the same input, in inference of the prefill; throws as it
/// does. Gradients and weights, which may go in pieces, as if all of a stage went at once.
[[nodiscard]] std::vector<CollectiveRows> make_collective_tables(const ModelInput& input,
                                                                 const Parallelism& parallelism,
                                                                 const RunShape& shape);

}  // namespace ppsim
