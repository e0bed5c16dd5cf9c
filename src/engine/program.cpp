// The event loop where sends and receives are part of the programs: a send is a rendezvous with its receive,
// and each runs when it is its turn on its rank's communication stream, as NCCL runs what one communicator is
// given. A transfer has its links for as long as the link model says; its send ends when the last byte has
// left, its receive when it has arrived.
#include <functional>
#include <queue>
#include <tuple>

#include "ppsim/engine/link_model.hpp"
#include "progress.hpp"

namespace ppsim {
namespace {

// At equal times ops end first, so that all transfers that are ready then are known and go by edge.
struct Event {
  Time time;
  bool is_transfer;
  std::uint32_t id;  // VertexId or EdgeId

  friend bool operator>(const Event& a, const Event& b) {
    return std::tie(a.time, a.is_transfer, a.id) > std::tie(b.time, b.is_transfer, b.id);
  }
};

class ProgramRun {
 public:
  ProgramRun(const OpGraph& graph, LinkModel& links)
      : graph_(graph),
        links_(links),
        progress_(graph),
        gate_waits_(graph.gates().size()),
        gate_opens_(graph.gates().size()),
        transfer_waits_(graph.edge_count(), kPlainWaits),
        transfer_ready_(graph.edge_count()) {
    for (GateId gate = 0; gate < gate_waits_.size(); ++gate) {
      if (graph.gates()[gate].behind != kNoVertex) ++gate_waits_[gate];
      if (const GateId next = graph.gates()[gate].next; next != kNoGate)
        gate_waits_[next] += static_cast<std::uint32_t>(graph.gate_edges(gate).size());
    }
    for (EdgeId edge = 0; edge < graph.edge_count(); ++edge) {
      if (graph.send_gates()[edge] != kNoGate) transfer_waits_[edge] = kGatedWaits;
    }
  }

  Timeline run() && {
    for (GateId gate = 0; gate < gate_waits_.size(); ++gate) {
      if (gate_waits_[gate] == 0) open(gate);
    }
    progress_.begin(PushEnd{*this});
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      event.is_transfer ? move(event.id, event.time) : finish(event.id, event.time);
    }
    return std::move(progress_).take();
  }

 private:
  // What a transfer waits for: its producer, and where it has them its two gates.
  static constexpr std::uint8_t kPlainWaits = 1, kGatedWaits = 3;

  // A vertex has all it needs.
  struct PushEnd {
    ProgramRun& run;
    void operator()(VertexId vertex) const {
      run.events_.push({run.progress_.finish_time(vertex), false, vertex});
    }
  };

  void finish(VertexId vertex, Time now) {
    PushEnd ready{*this};
    progress_.count_finished();
    for (EdgeId edge = graph_.out_begin()[vertex]; edge < graph_.out_begin()[vertex + 1]; ++edge) {
      if (is_transfer(graph_.edge_classes()[edge])) {
        allow(edge, now);
      } else {
        progress_.arrive(graph_.targets()[edge], now, ready);
      }
    }
    const GateRange gates = graph_.gates_behind()[vertex];
    for (GateId gate = gates.begin; gate < gates.end; ++gate) pass(gate, now);
  }

  void move(EdgeId edge, Time now) {
    PushEnd ready{*this};
    const Passage passage = links_.admit(graph_.transfer_classes()[graph_.edge_classes()[edge]], now);
    progress_.note_passage(edge, passage, ready);
    end_turn(graph_.send_gates()[edge], passage.sent);
    end_turn(graph_.receive_gates()[edge], passage.arrival);
  }

  void end_turn(GateId gate, Time at) {
    if (gate == kNoGate) return;
    if (const GateId next = graph_.gates()[gate].next; next != kNoGate) pass(next, at);
  }

  // One of the things that a gate waits for is there.
  void pass(GateId gate, Time at) {
    gate_opens_[gate] = std::max(gate_opens_[gate], at);
    if (--gate_waits_[gate] == 0) open(gate);
  }

  void open(GateId gate) {
    for (const EdgeId edge : graph_.gate_edges(gate)) allow(edge, gate_opens_[gate]);
  }

  // One of the things that a transfer waits for is there.
  void allow(EdgeId edge, Time at) {
    transfer_ready_[edge] = std::max(transfer_ready_[edge], at);
    if (--transfer_waits_[edge] == 0) events_.push({transfer_ready_[edge], true, edge});
  }

  const OpGraph& graph_;
  LinkModel& links_;
  Progress progress_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<std::uint32_t> gate_waits_;     // [gates]
  std::vector<Time> gate_opens_;              // [gates]
  std::vector<std::uint8_t> transfer_waits_;  // [edges]
  std::vector<Time> transfer_ready_;          // [edges]
};

}  // namespace

Timeline run_program(const OpGraph& graph, LinkModel& links) {
  return ProgramRun(graph, links).run();
}

}  // namespace ppsim
