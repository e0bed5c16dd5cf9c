#include "replay/fingerprint.hpp"

#include "core/hash.hpp"

namespace ppsim {
namespace {

void add_vertices(Fnv1a& hash, const OpGraph& graph) {
  for (const VertexId begin : graph.rank_begin()) hash.add_bytes(begin);
  for (VertexId v = 0; v < graph.vertex_count(); ++v) {
    hash.add_bytes(static_cast<std::uint64_t>(graph.durations()[v].count()));
    for (const Op op : graph.ops(v)) {
      hash.add_bytes(static_cast<std::uint64_t>(op.kind));
      hash.add_bytes(index(op.stage));
      hash.add_bytes(index(op.micro_batch));
    }
  }
}

void add_edges(Fnv1a& hash, const OpGraph& graph) {
  for (VertexId source = 0; source < graph.vertex_count(); ++source) {
    for (const GraphEdge edge : graph.out_edges(source)) {
      hash.add_bytes(source);
      hash.add_bytes(edge.target);
      hash.add_bytes(edge.kind);
    }
  }
  for (const TransferClass& kind : graph.transfer_classes()) {
    hash.add_bytes(static_cast<std::uint64_t>(kind.bytes.count()));
    hash.add_bytes(static_cast<std::uint64_t>(kind.latency.count()));
    hash.add_bytes(static_cast<std::uint64_t>(kind.transmission.count()));
  }
}

void add_gates(Fnv1a& hash, const OpGraph& graph) {
  for (const Gate& gate : graph.gates()) hash.add_bytes(std::uint64_t{gate.behind} << 32 | gate.next);
  for (const GateId gate : graph.send_gates()) hash.add_bytes(gate);
  for (const GateId gate : graph.receive_gates()) hash.add_bytes(gate);
}

}  // namespace

std::uint64_t fingerprint(const OpGraph& graph, std::initializer_list<std::uint64_t> options) {
  Fnv1a hash;
  for (const std::uint64_t option : options) hash.add_bytes(option);
  hash.add_bytes(static_cast<std::uint64_t>(graph.communication()));
  add_vertices(hash, graph);
  add_edges(hash, graph);
  add_gates(hash, graph);
  return hash.value();
}

}  // namespace ppsim
