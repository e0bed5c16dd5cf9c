#include "transfers.hpp"

#include <algorithm>

namespace ppsim {
namespace {

// What a transfer waits for: its producer, and where it has them its two gates.
constexpr std::uint8_t kPlainWaits = 1, kGatedWaits = 3;

}  // namespace

TransferRun::TransferRun(const OpGraph& graph)
    : graph_(graph),
      progress_(graph),
      gate_opens_(graph.gates().size()),
      transfer_ready_(graph.edge_count()) {
  all_waits_.gates.resize(graph.gates().size());
  all_waits_.transfers.assign(graph.edge_count(), kPlainWaits);
  count_gate_waits();
  if (graph.communication() == Communication::Blocking) note_sources();
}

void TransferRun::count_gate_waits() {
  for (GateId gate = 0; gate < graph_.gates().size(); ++gate) {
    if (graph_.gates()[gate].behind != kNoVertex) ++all_waits_.gates[gate];
    if (const GateId next = graph_.gates()[gate].next; next != kNoGate)
      all_waits_.gates[next] += static_cast<std::uint32_t>(graph_.gate_edges(gate).size());
  }
  for (EdgeId edge = 0; edge < graph_.send_gates().size(); ++edge) {
    if (graph_.send_gates()[edge] != kNoGate) all_waits_.transfers[edge] = kGatedWaits;
  }
}

void TransferRun::note_sources() {
  sources_.resize(graph_.edge_count());
  all_waits_.sends.resize(graph_.vertex_count());
  released_.resize(graph_.vertex_count());
  for (VertexId v = 0; v < graph_.vertex_count(); ++v) {
    for (EdgeId edge = graph_.out_begin()[v]; edge < graph_.out_begin()[v + 1]; ++edge) {
      sources_[edge] = v;
      if (holds_sender(edge)) ++all_waits_.sends[v];
    }
  }
}

void TransferRun::restart(const RunTimes& times) {
  progress_.restart(times);
  waits_ = all_waits_;
  for (std::vector<Time>* moments : {&gate_opens_, &transfer_ready_, &released_})
    std::fill(moments->begin(), moments->end(), Time{});
}

const Timeline& TransferRun::run(LinkModel& links, const RunTimes& times) {
  restart(times);
  for (GateId gate = 0; gate < all_waits_.gates.size(); ++gate) {
    if (all_waits_.gates[gate] == 0) open(gate);
  }
  progress_.begin(PushEnd{*this});
  for (;;) {
    const Time ends = links.next_end();
    if (!events_.empty() && events_.top().time < ends) {
      const Event event = events_.top();
      events_.pop();
      event.is_transfer ? move(links, event.id, event.time) : finish(event.id, event.time);
    } else if (ends != Time::max()) {
      end(links.end_next(), ends);
    } else {
      return progress_.timeline();
    }
  }
}

void TransferRun::finish(VertexId vertex, Time now) {
  progress_.count_finished();
  for (EdgeId edge = graph_.out_begin()[vertex]; edge < graph_.out_begin()[vertex + 1]; ++edge) {
    const EdgeClass kind = kind_of(edge);
    if (is_transfer(kind)) {
      allow(edge, now);
    } else if (kind == kDataEdge || waits_.sends.empty() || waits_.sends[vertex] == 0) {
      progress_.arrive(graph_.targets()[edge], now, PushEnd{*this});
    }
  }
  if (graph_.gates().empty()) return;
  const GateRange gates = graph_.gates_behind()[vertex];
  for (GateId gate = gates.begin; gate < gates.end; ++gate) pass(gate, now);
}

// All that the transfer waits for is there.
void TransferRun::move(LinkModel& links, EdgeId edge, Time now) {
  const auto passage = links.admit(class_of(edge), edge, progress_.wire(edge, kind_of(edge)), now);
  transfer_ready_[edge] = passage ? passage->start : now;
  if (passage) note_passage(edge, *passage);
}

// The last byte of a transfer under way has left.
void TransferRun::end(EdgeId edge, Time now) {
  note_passage(edge, {transfer_ready_[edge], now, now + class_of(edge).latency});
}

void TransferRun::note_passage(EdgeId edge, const Passage& passage) {
  progress_.note_passage(edge, passage, PushEnd{*this});
  if (holds_sender(edge)) release(sources_[edge], passage.sent);
  if (graph_.gates().empty()) return;
  end_turn(graph_.send_gates()[edge], passage.sent);
  end_turn(graph_.receive_gates()[edge], passage.arrival);
}

// One of the vertex's sends no longer holds its stream.
void TransferRun::release(VertexId vertex, Time sent) {
  released_[vertex] = std::max(released_[vertex], sent);
  if (--waits_.sends[vertex] > 0) return;
  for (EdgeId edge = graph_.out_begin()[vertex]; edge < graph_.out_begin()[vertex + 1]; ++edge) {
    if (kind_of(edge) == kProgramEdge)
      progress_.arrive(graph_.targets()[edge], released_[vertex], PushEnd{*this});
  }
}

void TransferRun::end_turn(GateId gate, Time at) {
  if (gate == kNoGate) return;
  if (const GateId next = graph_.gates()[gate].next; next != kNoGate) pass(next, at);
}

// One of the things that a gate waits for is there.
void TransferRun::pass(GateId gate, Time at) {
  gate_opens_[gate] = std::max(gate_opens_[gate], at);
  if (--waits_.gates[gate] == 0) open(gate);
}

void TransferRun::open(GateId gate) {
  for (const EdgeId edge : graph_.gate_edges(gate)) allow(edge, gate_opens_[gate]);
}

// One of the things that a transfer waits for is there.
void TransferRun::allow(EdgeId edge, Time at) {
  transfer_ready_[edge] = std::max(transfer_ready_[edge], at);
  if (--waits_.transfers[edge] == 0) events_.push({transfer_ready_[edge], true, edge});
}

Timeline run_transfers(const OpGraph& graph, LinkModel& links) {
  TransferRun engine(graph);
  engine.run(links, {});
  return std::move(engine).take();
}

}  // namespace ppsim
