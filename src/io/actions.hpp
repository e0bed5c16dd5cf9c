/// What a graph's vertices and edges mean to a reader: streams, and which op's result a transfer carries.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/io/lanes.hpp"

namespace ppsim {

/// Names of streams, in traces and in timeline files.
inline constexpr std::string_view kComputeStream = "compute";
inline constexpr std::string_view kSendStream = "send";
inline constexpr std::string_view kReceiveStream = "receive";
inline constexpr std::string_view kCollectiveStream = "collectives";

/// The stream that a vertex runs on: compute, or collectives for gradient reduction and parameter gathering.
[[nodiscard]] std::string_view stream_of(std::span<const Op> ops);

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
