#include "graph/transfer_list.hpp"

#include <algorithm>
#include <limits>
#include <span>

namespace ppsim {
namespace {

/// True where `to` reads what `from` makes over a boundary: F of the next stage, B or I of the previous one,
/// or the first stage's F of the next token step (which has another micro-batch index).
bool feeds(Op from, Op to) {
  if (from.kind == OpKind::Forward && to.kind == OpKind::Forward) {
    return from.micro_batch == to.micro_batch ? index(to.stage) == index(from.stage) + 1
                                              : to.stage == Stage{0} && from.micro_batch < to.micro_batch;
  }
  return needs_gradient(from.kind) && needs_gradient(to.kind) && from.micro_batch == to.micro_batch &&
         index(from.stage) == index(to.stage) + 1;
}

/// The `nth` op of `source` that feeds one of `target`: two pairs may exchange two results, over two edges.
Op carried_op(std::span<const Op> source, std::span<const Op> target, std::size_t nth) {
  for (const Op from : source) {
    for (const Op to : target) {
      if (feeds(from, to) && nth-- == 0) return from;
    }
  }
  return source.front();
}

}  // namespace

std::string_view payload_name(Op op, std::size_t stages) {
  if (is_copy(op.kind)) return "activation";
  if (op.kind != OpKind::Forward) return "gradient";
  return index(op.stage) + 1 == stages ? "token" : "activation";
}

std::vector<Transfer> list_transfers(const OpGraph& graph) {
  const auto begin = graph.edge_arrays().out_begin;
  const auto targets = graph.edge_arrays().targets;
  const auto classes = graph.edge_arrays().classes;
  std::vector<Transfer> transfers;
  auto copy = graph.copies().begin();
  for (VertexId source = 0; source < graph.vertex_count(); ++source) {
    std::size_t nth = 0;
    for (EdgeId edge = begin[source]; edge < begin[source + 1]; ++edge) {
      if (!is_transfer(classes[edge])) continue;
      const VertexId target = targets[edge];
      if (copy != graph.copies().end() && copy->edge == edge) {
        transfers.push_back({edge, source, target, (copy++)->op});
        continue;
      }
      const bool again =
          !transfers.empty() && transfers.back().source == source && transfers.back().target == target;
      nth = again ? nth + 1 : 0;
      transfers.push_back({edge, source, target, carried_op(graph.ops(source), graph.ops(target), nth)});
    }
  }
  return transfers;
}

Interval send_span(const TransferClass& transfer, Time start, Time finish) {
  return {start, std::max(start, finish - transfer.latency)};
}

Interval receive_span(const TransferClass& transfer, Time start, Time finish) {
  return {std::min(start + transfer.latency, finish), finish};
}

std::vector<ForwardBackward> list_forward_backward(const OpGraph& graph) {
  constexpr VertexId kNone = std::numeric_limits<VertexId>::max();
  std::size_t stages = 0;
  std::size_t micro_batches = 0;
  const auto for_each_op = [&](auto&& visit) {
    for (VertexId vertex = 0; vertex < graph.vertex_count(); ++vertex) {
      for (const Op op : graph.ops(vertex)) visit(vertex, op);
    }
  };
  for_each_op([&](VertexId, Op op) {
    stages = std::max(stages, index(op.stage) + 1);
    micro_batches = std::max(micro_batches, index(op.micro_batch) + 1);
  });
  std::vector<ForwardBackward> table(stages * micro_batches, {kNone, kNone});
  for_each_op([&](VertexId vertex, Op op) {
    ForwardBackward& entry = table[index(op.stage) * micro_batches + index(op.micro_batch)];
    if (op.kind == OpKind::Forward) entry.forward = vertex;
    if (needs_gradient(op.kind)) entry.backward = vertex;
  });
  std::erase_if(
      table, [](const ForwardBackward& entry) { return entry.forward == kNone || entry.backward == kNone; });
  return table;
}

}  // namespace ppsim
