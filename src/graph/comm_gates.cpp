#include "graph/comm_gates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace ppsim {
namespace {

class GateBuilder {
 public:
  GateBuilder(OpGraph::Data& data, const Schedule& schedule, ProgramStreams streams,
              const ProgramPlaces& places)
      : data_(data), schedule_(schedule), streams_(streams), places_(places) {
    const std::size_t edges = data.edge_classes.size();
    data_.send_gates.assign(edges, kNoGate);
    data_.receive_gates.assign(edges, kNoGate);
    data_.sends.resize(edges);
    data_.gates_behind.resize(data.durations.size());
  }

  void build() {
    for (std::uint32_t rank = 0; rank < schedule_.ranks(); ++rank) add_rank(Rank{rank});
    index_edges();
    check_complete();
  }

 private:
  // A rank's sends and receives that run one after the other; the last gate is the one that still fills.
  struct Stream {
    std::uint64_t key;
    std::uint32_t position;  // of its last gate
    GateId last;
  };

  void add_rank(Rank rank) {
    rank_streams_.clear();
    for (const CommAction& action : schedule_.communication_of(rank)) {
      if (is_send_or_receive(action.kind)) add(rank, action);
    }
  }

  void add(Rank rank, const CommAction& action) {
    const bool send = action.kind == CommKind::SendForward || action.kind == CommKind::SendBackward;
    const EdgeId edge = edge_of(action);
    PPSIM_ASSERT(edge != kNoEdge,
                 fmt::format("a send or receive of stage {}, micro-batch {} without a transfer",
                             index(action.stage), index(action.micro_batch)));
    GateId& gate = (send ? data_.send_gates : data_.receive_gates)[edge];
    PPSIM_ASSERT(gate == kNoGate, "a transfer sent or received twice");
    gate = gate_for(rank, action.position, stream_key(edge, send));
    if (send) data_.sends[edge] = action;
  }

  [[nodiscard]] EdgeId edge_of(const CommAction& action) const {
    const std::size_t stage = index(action.stage), micro_batch = index(action.micro_batch);
    const auto at = [&](std::size_t s, std::size_t m) { return s * schedule_.micro_batches + m; };
    switch (action.kind) {
      case CommKind::SendForward:
        return places_.forward_edges[at(stage, micro_batch)];
      case CommKind::RecvForward:  // the first stage receives a token of the step before
        return stage > 0
                   ? places_.forward_edges[at(stage - 1, micro_batch)]
                   : places_.forward_edges[at(schedule_.stages() - 1, micro_batch - schedule_.requests)];
      case CommKind::SendBackward:
        return places_.gradient_edges[at(stage, micro_batch)];
      case CommKind::RecvBackward:
        return places_.gradient_edges[at(stage + 1, micro_batch)];
      case CommKind::Unshard:
      case CommKind::Reshard:
      case CommKind::ReduceGrad:
        break;
    }
    return kNoEdge;
  }

  // A rank has few peers, so a linear search is over a handful.
  [[nodiscard]] std::uint64_t stream_key(EdgeId edge, bool send) const {
    if (streams_.per == CommStreams::Rank) return 0;
    const TransferClass& transfer = data_.transfers[data_.edge_classes[edge]];
    return 2 * std::uint64_t{index(send ? transfer.to : transfer.from)} + (send ? 1 : 0);
  }

  GateId gate_for(Rank rank, std::uint32_t position, std::uint64_t key) {
    auto stream = std::find_if(rank_streams_.begin(), rank_streams_.end(),
                               [&](const Stream& one) { return one.key == key; });
    if (stream == rank_streams_.end()) {
      rank_streams_.push_back({key, position, add_gate(rank, position)});
      return rank_streams_.back().last;
    }
    if (!streams_.grouped || stream->position != position) {
      const GateId gate = add_gate(rank, position);
      data_.gates[stream->last].next = gate;
      stream->last = gate;
      stream->position = position;
    }
    return stream->last;
  }

  GateId add_gate(Rank rank, std::uint32_t position) {
    const auto gate = static_cast<GateId>(data_.gates.size());
    const VertexId behind =
        position == 0 ? kNoVertex : places_.vertex_behind[schedule_.rank_begin[index(rank)] + position - 1];
    data_.gates.push_back({behind, kNoGate});
    if (behind != kNoVertex) {
      GateRange& range = data_.gates_behind[behind];
      if (range.begin == range.end) range.begin = gate;  // gates come in program order
      range.end = gate + 1;
    }
    return gate;
  }

  // Counting sort: within a gate as on the edges, by source.
  void index_edges() {
    data_.gate_begin.assign(data_.gates.size() + 1, 0);
    const auto for_each_place = [&](auto&& visit) {
      for (EdgeId edge = 0; edge < data_.edge_classes.size(); ++edge) {
        for (const GateId gate : {data_.send_gates[edge], data_.receive_gates[edge]}) {
          if (gate != kNoGate) visit(edge, gate);
        }
      }
    };
    for_each_place([&](EdgeId, GateId gate) { ++data_.gate_begin[gate + 1]; });
    for (std::size_t g = 1; g < data_.gate_begin.size(); ++g) data_.gate_begin[g] += data_.gate_begin[g - 1];
    data_.gate_edges.resize(data_.gate_begin.back());
    std::vector<std::uint32_t> next(data_.gate_begin.begin(), data_.gate_begin.end() - 1);
    for_each_place([&](EdgeId edge, GateId gate) { data_.gate_edges[next[gate]++] = edge; });
  }

  void check_complete() const {
    const auto complete = [&](std::span<const EdgeId> edges) {
      return std::all_of(edges.begin(), edges.end(), [&](EdgeId edge) {
        return edge == kNoEdge || (data_.send_gates[edge] != kNoGate && data_.receive_gates[edge] != kNoGate);
      });
    };
    PPSIM_ASSERT(complete(places_.forward_edges) && complete(places_.gradient_edges),
                 "a transfer without its send or receive");
  }

  OpGraph::Data& data_;
  const Schedule& schedule_;
  ProgramStreams streams_;
  const ProgramPlaces& places_;
  std::vector<Stream> rank_streams_;
};

}  // namespace

void add_gates(OpGraph::Data& data, const Schedule& schedule, ProgramStreams streams,
               const ProgramPlaces& places) {
  GateBuilder(data, schedule, streams, places).build();
}

}  // namespace ppsim
