// The event loop in which transfers have events of their own. Two things ask for that: sends and receives
// that are part of the programs, where a send is a rendezvous with its receive and each runs when it is its
// turn on its rank's communication stream, as NCCL runs what one communicator is given; and links on which a
// transfer that comes later delays one that is under way.
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

class TransferRun {
 public:
  TransferRun(const OpGraph& graph, LinkModel& links)
      : graph_(graph),
        links_(links),
        progress_(graph),
        gate_waits_(graph.gates().size()),
        gate_opens_(graph.gates().size()),
        transfer_waits_(graph.edge_count(), kPlainWaits),
        transfer_ready_(graph.edge_count()) {
    count_gate_waits();
    if (graph.communication() == Communication::Blocking) note_sources();
  }

  Timeline run() && {
    for (GateId gate = 0; gate < gate_waits_.size(); ++gate) {
      if (gate_waits_[gate] == 0) open(gate);
    }
    progress_.begin(PushEnd{*this});
    for (;;) {
      const Time ends = links_.next_end();
      if (!events_.empty() && events_.top().time < ends) {
        const Event event = events_.top();
        events_.pop();
        event.is_transfer ? move(event.id, event.time) : finish(event.id, event.time);
      } else if (ends != Time::max()) {
        end(links_.end_next(), ends);
      } else {
        return std::move(progress_).take();
      }
    }
  }

 private:
  // What a transfer waits for: its producer, and where it has them its two gates.
  static constexpr std::uint8_t kPlainWaits = 1, kGatedWaits = 3;

  // A vertex has all it needs.
  struct PushEnd {
    TransferRun& run;
    void operator()(VertexId vertex) const {
      run.events_.push({run.progress_.finish_time(vertex), false, vertex});
    }
  };

  void count_gate_waits() {
    for (GateId gate = 0; gate < gate_waits_.size(); ++gate) {
      if (graph_.gates()[gate].behind != kNoVertex) ++gate_waits_[gate];
      if (const GateId next = graph_.gates()[gate].next; next != kNoGate)
        gate_waits_[next] += static_cast<std::uint32_t>(graph_.gate_edges(gate).size());
    }
    for (EdgeId edge = 0; edge < graph_.send_gates().size(); ++edge) {
      if (graph_.send_gates()[edge] != kNoGate) transfer_waits_[edge] = kGatedWaits;
    }
  }

  void note_sources() {
    sources_.resize(graph_.edge_count());
    sends_left_.resize(graph_.vertex_count());
    released_.resize(graph_.vertex_count());
    for (VertexId v = 0; v < graph_.vertex_count(); ++v) {
      for (EdgeId edge = graph_.out_begin()[v]; edge < graph_.out_begin()[v + 1]; ++edge) {
        sources_[edge] = v;
        if (holds_sender(edge)) ++sends_left_[v];
      }
    }
  }

  [[nodiscard]] const TransferClass& class_of(EdgeId edge) const {
    return graph_.transfer_classes()[graph_.edge_classes()[edge]];
  }

  [[nodiscard]] bool holds_sender(EdgeId edge) const {
    return !sources_.empty() && is_transfer(graph_.edge_classes()[edge]) && class_of(edge).holds_sender;
  }

  void finish(VertexId vertex, Time now) {
    progress_.count_finished();
    for (EdgeId edge = graph_.out_begin()[vertex]; edge < graph_.out_begin()[vertex + 1]; ++edge) {
      const EdgeClass kind = graph_.edge_classes()[edge];
      if (is_transfer(kind)) {
        allow(edge, now);
      } else if (kind == kDataEdge || sends_left_.empty() || sends_left_[vertex] == 0) {
        progress_.arrive(graph_.targets()[edge], now, PushEnd{*this});
      }
    }
    if (graph_.gates().empty()) return;
    const GateRange gates = graph_.gates_behind()[vertex];
    for (GateId gate = gates.begin; gate < gates.end; ++gate) pass(gate, now);
  }

  // All that the transfer waits for is there.
  void move(EdgeId edge, Time now) {
    const auto passage = links_.admit(class_of(edge), edge, now);
    transfer_ready_[edge] = passage ? passage->start : now;
    if (passage) note_passage(edge, *passage);
  }

  // The last byte of a transfer under way has left.
  void end(EdgeId edge, Time now) {
    note_passage(edge, {transfer_ready_[edge], now, now + class_of(edge).latency});
  }

  void note_passage(EdgeId edge, const Passage& passage) {
    progress_.note_passage(edge, passage, PushEnd{*this});
    if (holds_sender(edge)) release(sources_[edge], passage.sent);
    if (graph_.gates().empty()) return;
    end_turn(graph_.send_gates()[edge], passage.sent);
    end_turn(graph_.receive_gates()[edge], passage.arrival);
  }

  // One of the vertex's sends no longer holds its stream.
  void release(VertexId vertex, Time sent) {
    released_[vertex] = std::max(released_[vertex], sent);
    if (--sends_left_[vertex] > 0) return;
    for (EdgeId edge = graph_.out_begin()[vertex]; edge < graph_.out_begin()[vertex + 1]; ++edge) {
      if (graph_.edge_classes()[edge] == kProgramEdge)
        progress_.arrive(graph_.targets()[edge], released_[vertex], PushEnd{*this});
    }
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
  std::vector<Time> transfer_ready_;          // [edges] then its start

  // Blocking sends only.
  std::vector<VertexId> sources_;          // [edges]
  std::vector<std::uint32_t> sends_left_;  // [vertices] that hold its stream
  std::vector<Time> released_;             // [vertices]
};

}  // namespace

Timeline run_transfers(const OpGraph& graph, LinkModel& links) {
  return TransferRun(graph, links).run();
}

}  // namespace ppsim
