// Transfers whose size lies outside of what their links were fitted to.
#pragma once

#include <string>
#include <vector>

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/model/hardware/network.hpp"

namespace ppsim {

/// One sentence for each kind of link that has such transfers. A transfer between nodes is held against what
/// NICs were fitted to, any other against NVLink, PCIe or the link between ranks.
[[nodiscard]] std::vector<std::string> extrapolated_transfers(const OpGraph& graph, const Network& network);

}  // namespace ppsim
