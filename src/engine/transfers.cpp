#include "engine/transfers.hpp"

#include <algorithm>

namespace ppsim {
namespace {

// What a transfer waits for: its producer, and where it has them its two gates.
constexpr std::uint8_t kPlainWaits = 1, kGatedWaits = 3;

// Of equal pieces, the first of which are a nanosecond longer where they do not divide the whole.
Time piece_of(Time whole, std::uint32_t piece, std::uint32_t pieces) {
  return whole / pieces + Time(piece < (whole % pieces).count() ? 1 : 0);
}

}  // namespace

TransferRun::TransferRun(const OpGraph& graph)
    : graph_(graph),
      progress_(graph),
      pieces_done_(graph.collectives().size()),
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
    for (const GraphEdge edge : graph_.out_edges(v)) {
      sources_[edge.id] = v;
      if (holds_sender(edge.id)) ++all_waits_.sends[v];
    }
  }
}

void TransferRun::restart(const RunTimes& times) {
  progress_.restart(times);
  waits_ = all_waits_;
  std::fill(pieces_done_.begin(), pieces_done_.end(), std::uint8_t{0});
  for (std::vector<Time>* moments : {&gate_opens_, &transfer_ready_, &released_})
    std::fill(moments->begin(), moments->end(), Time{});
}

const Timeline& TransferRun::run(LinkModel& links, const RunTimes& times) {
  restart(times);
  for (GateId gate = 0; gate < all_waits_.gates.size(); ++gate) {
    if (all_waits_.gates[gate] == 0) open(gate);
  }
  progress_.begin(Schedule{*this});
  for (;;) {
    const Time ends = links.next_end();
    const Time now = events_.empty() ? ends : std::min(ends, events_.top().time);
    if (now == Time::max()) return progress_.timeline();
    if (ends == now) {
      while (const auto ended = links.end_next(now)) end(*ended, now);
    }
    while (!events_.empty() && events_.top().time == now) {
      const Event event = events_.top();
      events_.pop();
      handle(links, event);
    }
  }
}

void TransferRun::schedule(VertexId vertex) {
  for (const GraphEdge edge : graph_.out_edges(vertex))
    if (edge.kind == kPartEdge) events_.push({progress_.part_time(vertex, edge.id), What::Part, edge.id});
  const Time end = progress_.finish_time(vertex);
  if (graph_.collectives().empty() || graph_.collectives()[vertex] == kNoCollective)
    events_.push({end, What::End, vertex});
  else
    go_on(vertex, end - progress_.duration(vertex));
}

// Runs the compute that stands before the next piece of the action's collectives, or ends it.
void TransferRun::go_on(VertexId vertex, Time now) {
  const std::uint32_t pieces = graph_.collective_classes()[graph_.collectives()[vertex]].pieces;
  const std::uint32_t piece = pieces_done_[vertex];
  if (piece == pieces) {
    progress_.end_at(vertex, now);
    return finish(vertex, now);
  }
  const Time compute = progress_.duration(vertex) - progress_.collective_time(vertex);
  events_.push({now + piece_of(compute, piece, pieces), What::Collectives, vertex});
}

void TransferRun::handle(LinkModel& links, const Event& event) {
  switch (event.what) {
    case What::Part:
      progress_.arrive(graph_.edge_arrays().targets[event.id], event.time, Schedule{*this});
      break;
    case What::End:
      finish(event.id, event.time);
      break;
    case What::Piece:
      go_on(event.id, event.time);
      break;
    case What::Collectives:
      begin_collectives(links, event.id, event.time);
      break;
    case What::Transfer:
      move(links, event.id, event.time);
      break;
  }
}

void TransferRun::begin_collectives(LinkModel& links, VertexId vertex, Time now) {
  const std::uint32_t kind = graph_.collectives()[vertex];
  const std::uint32_t pieces = graph_.collective_classes()[kind].pieces;
  const Time time = piece_of(progress_.collective_time(vertex), pieces_done_[vertex]++, pieces);
  if (const auto end = links.admit_collective(kind, vertex, time, now))
    events_.push({*end, What::Piece, vertex});
}

void TransferRun::finish(VertexId vertex, Time now) {
  progress_.count_finished();
  for (const GraphEdge edge : graph_.out_edges(vertex)) {
    if (edge.kind == kPartEdge) continue;
    if (is_transfer(edge.kind)) {
      allow(edge.id, now);
    } else if (edge.kind == kDataEdge || waits_.sends.empty() || waits_.sends[vertex] == 0) {
      progress_.arrive(edge.target, now, Schedule{*this});
    }
  }
  if (graph_.gates().empty()) return;
  const GateRange gates = graph_.gates_behind()[vertex];
  for (GateId gate = gates.begin; gate < gates.end; ++gate) pass(gate, now);
}

// All that the transfer waits for is there.
void TransferRun::move(LinkModel& links, EdgeId edge, Time now) {
  const auto times = links.admit(class_of(edge), edge, progress_.transmission(edge, kind_of(edge)), now);
  transfer_ready_[edge] = times ? times->start : now;
  if (times) note_times(edge, *times);
}

// The last byte of what was under way has left.
void TransferRun::end(const LinkModel::Ended& ended, Time now) {
  if (ended.is_transfer) {
    note_times(ended.id, {transfer_ready_[ended.id], now, now + class_of(ended.id).latency});
  } else {
    go_on(ended.id, now);
  }
}

void TransferRun::note_times(EdgeId edge, const TransferTimes& times) {
  progress_.note_times(edge, times, Schedule{*this});
  if (holds_sender(edge)) release(sources_[edge], times.sent);
  if (graph_.gates().empty()) return;
  end_turn(graph_.send_gates()[edge], times.sent);
  end_turn(graph_.receive_gates()[edge], times.arrival);
}

// One of the vertex's sends no longer holds its stream.
void TransferRun::release(VertexId vertex, Time sent) {
  released_[vertex] = std::max(released_[vertex], sent);
  if (--waits_.sends[vertex] > 0) return;
  for (const GraphEdge edge : graph_.out_edges(vertex))
    if (edge.kind == kProgramEdge) progress_.arrive(edge.target, released_[vertex], Schedule{*this});
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
  if (--waits_.transfers[edge] == 0) events_.push({transfer_ready_[edge], What::Transfer, edge});
}

Timeline run_transfers(const OpGraph& graph, LinkModel& links) {
  TransferRun engine(graph);
  engine.run(links, links.share_before({}));
  return std::move(engine).take();
}

}  // namespace ppsim
