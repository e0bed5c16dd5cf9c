#include "ppsim/graph/op_graph.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "graph/op_graph_data.hpp"

namespace ppsim {
namespace {

std::string describe_op(const Op& op) {
  if (!is_compute(op.kind)) return fmt::format("{} of stage {}", name(op.kind), index(op.stage));
  return fmt::format("{} of stage {}, micro-batch {}", name(op.kind), index(op.stage), index(op.micro_batch));
}

}  // namespace

Time PartEdge::of(Time duration) const {
  const Time each = duration / parts, rest = duration % parts;
  return each * part + (rest * part + Time(parts - 1)) / parts;
}

OpGraph::OpGraph(std::shared_ptr<const Data> data)
    : data_(std::move(data)),
      edges_{data_->csr.m_forward.m_rowstart,
             data_->csr.m_forward.m_column,
             data_->edge_classes,
             data_->in_begin,
             data_->in_sources,
             data_->in_edges} {}

std::uint32_t OpGraph::rank_count() const {
  return static_cast<std::uint32_t>(data_->rank_begin.size() - 1);
}
std::uint32_t OpGraph::vertex_count() const {
  return static_cast<std::uint32_t>(data_->durations.size());
}
std::uint32_t OpGraph::edge_count() const {
  return static_cast<std::uint32_t>(data_->edge_classes.size());
}
std::uint32_t OpGraph::link_count() const {
  return data_->link_count;
}

std::span<const VertexId> OpGraph::rank_begin() const {
  return data_->rank_begin;
}
std::span<const VertexId> OpGraph::side_begin() const {
  return data_->side_begin;
}
std::span<const Time> OpGraph::durations() const {
  return data_->durations;
}
GraphEdge OpGraph::edge(EdgeId id) const {
  const auto behind = std::upper_bound(edges_.out_begin.begin(), edges_.out_begin.end(), id);
  const auto source = static_cast<VertexId>(behind - edges_.out_begin.begin() - 1);
  return {id, source, edges_.targets[id], edges_.classes[id]};
}
const TransferClass* OpGraph::transfer(EdgeId id) const {
  const EdgeClass kind = edges_.classes[id];
  return is_transfer(kind) ? &data_->transfers[kind] : nullptr;
}
std::span<const CopyEdge> OpGraph::copies() const {
  return data_->copies;
}
std::span<const PartEdge> OpGraph::part_edges() const {
  return data_->part_edges;
}
const PartEdge& OpGraph::part_edge(EdgeId edge) const {
  const auto found = std::lower_bound(data_->part_edges.begin(), data_->part_edges.end(), edge,
                                      [](const PartEdge& part, EdgeId sought) { return part.edge < sought; });
  PPSIM_ASSERT(found != data_->part_edges.end() && found->edge == edge, "no edge that leaves part-way");
  return *found;
}
std::span<const TransferClass> OpGraph::transfer_classes() const {
  return data_->transfers;
}
std::span<const VertexId> OpGraph::leaders() const {
  return data_->leaders;
}
std::uint32_t OpGraph::replica_size() const {
  return data_->replica_size > 0 ? data_->replica_size : vertex_count();
}
std::span<const CollectiveClass> OpGraph::collective_classes() const {
  return data_->collective_classes;
}
std::span<const std::uint32_t> OpGraph::collectives() const {
  return data_->collectives;
}
std::span<const Time> OpGraph::collective_times() const {
  return data_->collective_times;
}
Communication OpGraph::communication() const {
  return data_->communication;
}
std::span<const Gate> OpGraph::gates() const {
  return data_->gates;
}
std::span<const GateRange> OpGraph::gates_behind() const {
  return data_->gates_behind;
}
std::span<const EdgeId> OpGraph::gate_edges(GateId gate) const {
  const std::uint32_t begin = data_->gate_begin[gate];
  return std::span(data_->gate_edges).subspan(begin, data_->gate_begin[gate + 1] - begin);
}
std::span<const GateId> OpGraph::send_gates() const {
  return data_->send_gates;
}
std::span<const GateId> OpGraph::receive_gates() const {
  return data_->receive_gates;
}

Rank OpGraph::rank_of(VertexId vertex) const {
  const auto& begin = data_->rank_begin;
  return static_cast<Rank>(std::upper_bound(begin.begin(), begin.end(), vertex) - begin.begin() - 1);
}

std::span<const Op> OpGraph::ops(VertexId vertex) const {
  if (data_->op_begin.empty()) return std::span(data_->ops).subspan(vertex, 1);
  const std::uint32_t begin = data_->op_begin[vertex];
  return std::span(data_->ops).subspan(begin, data_->op_begin[vertex + 1] - begin);
}

std::string OpGraph::describe(VertexId vertex) const {
  const auto actions = ops(vertex);
  std::string text = fmt::format("rank {}: {}", index(rank_of(vertex)), describe_op(actions.front()));
  if (actions.size() > 1) text += " with " + describe_op(actions.back());
  return text;
}

std::string OpGraph::describe_send(EdgeId edge) const {
  const CommAction& send = data_->sends[edge];
  const TransferClass& transfer = data_->transfers[data_->edge_classes[edge]];
  return fmt::format("rank {}: {} of stage {}, micro-batch {}, to rank {}", index(transfer.from),
                     send.kind == CommKind::SendForward ? "SEND_F" : "SEND_B", index(send.stage),
                     index(send.micro_batch), index(transfer.to));
}

}  // namespace ppsim
