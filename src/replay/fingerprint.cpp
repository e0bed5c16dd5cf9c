#include "replay/fingerprint.hpp"

namespace ppsim {
namespace {

class Fnv {
 public:
  void add(std::uint64_t number) {
    for (int byte = 0; byte < 8; ++byte) {
      hash_ = (hash_ ^ (number & 0xFF)) * 0x100000001b3;
      number >>= 8;
    }
  }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

void add_vertices(Fnv& hash, const OpGraph& graph) {
  for (const VertexId begin : graph.rank_begin()) hash.add(begin);
  for (VertexId v = 0; v < graph.vertex_count(); ++v) {
    hash.add(static_cast<std::uint64_t>(graph.durations()[v].count()));
    for (const Op op : graph.ops(v)) {
      hash.add(static_cast<std::uint64_t>(op.kind));
      hash.add(index(op.stage));
      hash.add(index(op.micro_batch));
    }
  }
}

void add_edges(Fnv& hash, const OpGraph& graph) {
  for (VertexId source = 0; source < graph.vertex_count(); ++source) {
    for (const GraphEdge edge : graph.out_edges(source)) {
      hash.add(source);
      hash.add(edge.target);
      hash.add(edge.kind);
    }
  }
  for (const TransferClass& kind : graph.transfer_classes()) {
    hash.add(static_cast<std::uint64_t>(kind.bytes.count()));
    hash.add(static_cast<std::uint64_t>(kind.latency.count()));
    hash.add(static_cast<std::uint64_t>(kind.wire.count()));
  }
}

void add_gates(Fnv& hash, const OpGraph& graph) {
  for (const Gate& gate : graph.gates()) hash.add(std::uint64_t{gate.behind} << 32 | gate.next);
  for (const GateId gate : graph.send_gates()) hash.add(gate);
  for (const GateId gate : graph.receive_gates()) hash.add(gate);
}

}  // namespace

std::uint64_t fingerprint(const OpGraph& graph, std::initializer_list<std::uint64_t> options) {
  Fnv hash;
  for (const std::uint64_t option : options) hash.add(option);
  hash.add(static_cast<std::uint64_t>(graph.communication()));
  add_vertices(hash, graph);
  add_edges(hash, graph);
  add_gates(hash, graph);
  return hash.value();
}

}  // namespace ppsim
