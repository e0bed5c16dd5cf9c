#include "metrics/critical_links.hpp"

#include <algorithm>

namespace ppsim {
namespace {

/// Lays parts one after the other, none beyond `to`, so that they tile [from, to) whatever the boundaries
/// say.
class Tiling {
 public:
  Tiling(ChainTimes& times, Time from, Time to) : times_(times), at_(from), to_(to) {}

  void until(ChainPart part, Time boundary) {
    const Time next = std::clamp(boundary, at_, to_);
    times_[static_cast<std::size_t>(part)] += next - at_;
    at_ = next;
  }

 private:
  ChainTimes& times_;
  Time at_, to_;
};

/// DESIGN section 4: queued, latency, bytes / bandwidth, what sharing added. `none` and `fifo` add nothing,
/// and a measured transfer may be faster than its model: no part goes beyond the arrival.
void add_transfer(Tiling& tiling, const TransferClass& transfer, Time ready, Time start, Time finish) {
  tiling.until(ChainPart::Blocked, std::min(ready, finish));
  tiling.until(ChainPart::Contention, std::min(start, finish));
  tiling.until(ChainPart::Latency, std::min(start + transfer.latency, finish));
  tiling.until(ChainPart::Bandwidth, std::min(start + transfer.latency + transfer.transmission, finish));
  tiling.until(ChainPart::Contention, finish);
}

/// [edges] when a transfer had its turn on both ranks' streams, where sends are part of the program; else
/// empty.
std::vector<Time> find_turns(const OpGraph& graph, const Timeline& timeline) {
  if (graph.communication() != Communication::Program) return {};
  std::vector<Time> opens(graph.gates().size());
  for (GateId gate = 0; gate < opens.size(); ++gate) {
    const Gate& one = graph.gates()[gate];
    if (one.behind != kNoVertex) opens[gate] = std::max(opens[gate], timeline.finish[one.behind]);
    if (one.next == kNoGate) continue;
    for (const EdgeId edge : graph.gate_edges(gate)) {
      const bool sends = graph.send_gates()[edge] == gate;
      const Time latency = graph.transfer(edge)->latency;
      const Time done = timeline.transfer_finish[edge] - (sends ? latency : Time{});
      opens[one.next] = std::max(opens[one.next], done);
    }
  }
  std::vector<Time> turns(graph.edge_count());
  for (EdgeId edge = 0; edge < turns.size(); ++edge) {
    if (graph.send_gates()[edge] == kNoGate) continue;
    turns[edge] = std::max(opens[graph.send_gates()[edge]], opens[graph.receive_gates()[edge]]);
  }
  return turns;
}

}  // namespace

CriticalLinks::CriticalLinks(const OpGraph& graph, const Timeline& timeline, const std::vector<bool>& tails)
    : graph_(graph),
      timeline_(timeline),
      tails_(tails),
      blocking_(graph.communication() == Communication::Blocking),
      turns_(find_turns(graph, timeline)),
      transfers_(graph.transfer_classes()) {}

Time CriticalLinks::released(VertexId vertex) const {
  Time released = timeline_.finish[vertex];
  if (!blocking_) return released;
  for (const GraphEdge edge : graph_.out_edges(vertex)) {
    if (!is_transfer(edge.kind) || !transfers_[edge.kind].holds_sender) continue;
    released = std::max(released, timeline_.transfer_finish[edge.id] - transfers_[edge.kind].latency);
  }
  return released;
}

Time CriticalLinks::arrival(const GraphEdge& edge) const {
  if (is_transfer(edge.kind)) return timeline_.transfer_finish[edge.id];
  if (edge.kind == kPartEdge) {
    const Time start = timeline_.start[edge.source];
    return start + graph_.part_edge(edge.id).of(timeline_.finish[edge.source] - start);
  }
  // The op before it in the program hands the stream over; other data of the rank is there when its op has
  // finished.
  return blocking_ && edge.kind == kProgramEdge ? released(edge.source) : timeline_.finish[edge.source];
}

CriticalLink CriticalLinks::find(VertexId vertex) const {
  CriticalLink best;
  Time last{};
  for (const GraphEdge edge : graph_.in_edges(vertex)) {
    if (timeline_.start[edge.source] > timeline_.start[vertex]) continue;
    const Time there = arrival(edge);
    if (best.source != kNoVertex && (there < last || (there == last && edge.source >= best.source))) continue;
    best = {edge.source, edge.id};
    last = there;
  }
  return best;
}

void CriticalLinks::add_times(ChainTimes& times, VertexId vertex, CriticalLink link, Time from) const {
  const Time end = timeline_.start[vertex];
  if (link.source == kNoVertex) {
    Tiling(times, from, end).until(ChainPart::Unexplained, end);
    return;
  }
  Tiling tiling(times, std::max(from, timeline_.start[link.source]), end);
  tiling.until(tails_[link.source] ? ChainPart::Tail : ChainPart::Computing, timeline_.finish[link.source]);
  const EdgeClass kind = graph_.edge_class(link.edge);
  if (is_transfer(kind)) {
    add_transfer(tiling, transfers_[kind], turns_.empty() ? Time::min() : turns_[link.edge],
                 timeline_.transfer_start[link.edge], timeline_.transfer_finish[link.edge]);
  } else if (blocking_ && link.source + 1 == vertex) {
    tiling.until(ChainPart::Blocked, released(link.source));
  }
  tiling.until(ChainPart::Unexplained, end);
}

}  // namespace ppsim
