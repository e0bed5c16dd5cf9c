#include "replay/rank_program.hpp"

#include <algorithm>

#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

class Builder {
 public:
  Builder(const OpGraph& graph, Rank rank)
      : graph_(graph), begin_(graph.rank_begin()[index(rank)]), end_(graph.rank_begin()[index(rank) + 1]) {
    program_.rank = rank;
    program_.first = begin_;
  }

  RankProgram build() && {
    if (graph_.side_begin()[index(program_.rank)] < end_)
      throw Error(graph_.describe(end_ - 1),
                  "runs beside the rank's program (overlap_gradients); a replay runs one op after the other");
    for (VertexId vertex = begin_; vertex < end_; ++vertex) add_vertex(vertex);
    add_ends();
    std::sort(program_.receives.begin(), program_.receives.end(),
              [](const Message& a, const Message& b) { return a.edge < b.edge; });
    find_answers();
    add_services();
    if (graph_.communication() == Communication::Program) add_turns();
    return std::move(program_);
  }

 private:
  [[nodiscard]] bool is_own(VertexId vertex) const { return vertex >= begin_ && vertex < end_; }

  void add_vertex(VertexId vertex) {
    add_ends();
    program_.durations.push_back(graph_.durations()[vertex]);
    program_.inputs.push_back(graph_.in_degree(vertex));
    for (const GraphEdge edge : graph_.out_edges(vertex)) add_out_edge(edge);
    for (const GraphEdge edge : graph_.in_edges(vertex)) add_in_edge(edge);
  }

  void add_ends() {
    program_.local_begin.push_back(static_cast<std::uint32_t>(program_.local_edges.size()));
    program_.send_begin.push_back(static_cast<std::uint32_t>(program_.sends.size()));
  }

  void add_out_edge(const GraphEdge& edge) {
    if (!is_transfer(edge.kind)) {
      check_own(edge.source, edge.target);
      program_.local_edges.push_back({edge.target - begin_, edge.kind == kProgramEdge});
    } else if (is_own(edge.target)) {
      add_copy(edge.source, edge.target, edge.id);
    } else {
      program_.sends.push_back(message(edge.id, class_of(edge.id).to, edge.source));
    }
  }

  void add_in_edge(const GraphEdge& edge) {
    if (!is_transfer(edge.kind)) return check_own(edge.target, edge.source);
    if (is_own(edge.source)) return;  // a copy
    program_.receives.push_back(message(edge.id, class_of(edge.id).from, edge.target));
  }

  // Of two messages one is the transfer, and the other the word that asks for it or tells of its end.
  static Message without_bytes(Message message) {
    message.bytes = Bytes(0);
    return message;
  }

  void add_copy(VertexId vertex, VertexId target, EdgeId edge) {
    const bool evicts = class_of(edge).from == program_.rank;
    const Rank partner = evicts ? class_of(edge).to : class_of(edge).from;
    Message copy = message(edge, partner, vertex), answer = message(edge, partner, target);
    copy.role = MessageRole::Copy;
    answer.role = MessageRole::Answer;
    program_.sends.push_back(evicts ? copy : without_bytes(copy));
    program_.receives.push_back(evicts ? without_bytes(answer) : answer);
  }

  void add_services() {
    for (const CopyEdge& copy : graph_.copies()) {
      const TransferClass& kind = class_of(copy.edge);
      if (kind.from != program_.rank && kind.to != program_.rank) continue;
      const Rank owner = graph_.rank_of(graph_.edge(copy.edge).source);
      if (owner == program_.rank) continue;
      Message request = message(copy.edge, owner), answer = request;
      answer.role = MessageRole::Answer;
      const bool evicts = kind.from == owner;
      program_.services.push_back(
          {evicts ? request : without_bytes(request), evicts ? without_bytes(answer) : answer});
    }
  }

  void find_answers() {
    for (Message& send : program_.sends) {
      if (send.role != MessageRole::Copy) continue;
      const auto answer = std::find_if(program_.receives.begin(), program_.receives.end(),
                                       [&](const Message& receive) { return receive.edge == send.edge; });
      send.answer = static_cast<std::uint32_t>(answer - program_.receives.begin());
    }
  }

  void check_own(VertexId vertex, VertexId other) const {
    if (is_own(other)) return;
    throw Error(graph_.describe(vertex), "depends without a transfer on " + graph_.describe(other) +
                                             "; a replay has nothing to carry that");
  }

  [[nodiscard]] const TransferClass& class_of(EdgeId edge) const { return *graph_.transfer(edge); }

  [[nodiscard]] Message message(EdgeId edge, Rank peer, VertexId vertex = kNoVertex) const {
    const TransferClass& kind = class_of(edge);
    const bool holds = graph_.communication() == Communication::Blocking && kind.holds_sender;
    return {.edge = edge,
            .peer = peer,
            .vertex = vertex == kNoVertex ? kNoVertex : vertex - begin_,
            .bytes = kind.bytes,
            .latency = kind.latency,
            .transmission = kind.transmission,
            .holds_sender = holds};
  }

  // A rank's gates are those that its messages name; a gate has no rank of its own.
  void add_turns() {
    std::vector<GateId> gates;
    for (const Message& send : program_.sends) gates.push_back(graph_.send_gates()[send.edge]);
    for (const Message& receive : program_.receives) gates.push_back(graph_.receive_gates()[receive.edge]);
    std::erase(gates, kNoGate);
    std::sort(gates.begin(), gates.end());
    gates.erase(std::unique(gates.begin(), gates.end()), gates.end());
    const auto local = [&](GateId gate) {
      const auto found = std::lower_bound(gates.begin(), gates.end(), gate);
      return gate == kNoGate ? kNoGate : static_cast<std::uint32_t>(found - gates.begin());
    };
    program_.turns.resize(gates.size());
    program_.turns_behind.resize(program_.durations.size());
    for (std::uint32_t i = 0; i < program_.sends.size(); ++i) {
      program_.sends[i].turn = local(graph_.send_gates()[program_.sends[i].edge]);
      if (program_.sends[i].has_turn()) program_.turns[program_.sends[i].turn].sends.push_back(i);
    }
    for (std::uint32_t i = 0; i < program_.receives.size(); ++i) {
      program_.receives[i].turn = local(graph_.receive_gates()[program_.receives[i].edge]);
      if (program_.receives[i].has_turn()) program_.turns[program_.receives[i].turn].receives.push_back(i);
    }
    for (std::uint32_t turn = 0; turn < gates.size(); ++turn) {
      const Gate& gate = graph_.gates()[gates[turn]];
      program_.turns[turn].next = local(gate.next);
      if (gate.behind == kNoVertex) continue;
      program_.turns_behind[gate.behind - begin_].push_back(turn);
      ++program_.turns[turn].waits;
    }
    for (const Turn& turn : program_.turns) {
      if (turn.next == kNoGate) continue;
      program_.turns[turn.next].waits += static_cast<std::uint32_t>(turn.sends.size() + turn.receives.size());
    }
  }

  const OpGraph& graph_;
  VertexId begin_, end_;
  RankProgram program_{.graph = graph_};
};

}  // namespace

std::span<const LocalEdge> RankProgram::local_edges_of(std::uint32_t vertex) const {
  return std::span(local_edges).subspan(local_begin[vertex], local_begin[vertex + 1] - local_begin[vertex]);
}

RankProgram make_rank_program(const OpGraph& graph, Rank rank) {
  return Builder(graph, rank).build();
}

}  // namespace ppsim
