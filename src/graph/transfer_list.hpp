/// What a graph's edges mean to a reader: which op's result a transfer carries, and when.
#pragma once

#include <string_view>
#include <vector>

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"

namespace ppsim {

/// One edge that is a transfer.
struct Transfer {
  EdgeId edge{};
  VertexId source{};
  VertexId target{};
  Op op;  ///< whose result it carries: F an activation, B or I a gradient; or EVICT, LOAD
};

/// What a transfer of `op`'s result carries: "activation", "gradient", or the "token" that the last stage
/// returns.
[[nodiscard]] std::string_view payload_name(Op op, std::size_t stages);

/// All transfers, by edge. O(edges).
[[nodiscard]] std::vector<Transfer> list_transfers(const OpGraph& graph);

/// At the sender: from the first byte that moves to the last that leaves.
[[nodiscard]] Interval send_span(const TransferClass& transfer, Time start, Time finish);
/// At the receiver: from the first byte that arrives to the last.
[[nodiscard]] Interval receive_span(const TransferClass& transfer, Time start, Time finish);

/// Vertex of F of each (stage, micro-batch), and of its B or I: pairs that an arrow joins.
struct ForwardBackward {
  VertexId forward{};
  VertexId backward{};
};
[[nodiscard]] std::vector<ForwardBackward> list_forward_backward(const OpGraph& graph);

}  // namespace ppsim
