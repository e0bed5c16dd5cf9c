#include "critical_links.hpp"

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
void add_transfer(Tiling& tiling, const TransferClass& transfer, Time start, Time finish) {
  tiling.until(ChainPart::Contention, std::min(start, finish));
  tiling.until(ChainPart::Latency, std::min(start + transfer.latency, finish));
  tiling.until(ChainPart::Bandwidth, std::min(start + transfer.latency + transfer.wire, finish));
  tiling.until(ChainPart::Contention, finish);
}

}  // namespace

CriticalLinks::CriticalLinks(const OpGraph& graph, const Timeline& timeline, const std::vector<bool>& tails)
    : timeline_(timeline),
      tails_(tails),
      blocking_(graph.communication() == Communication::Blocking),
      in_begin_(graph.in_begin()),
      in_edges_(graph.in_edges()),
      out_begin_(graph.out_begin()),
      in_sources_(graph.in_sources()),
      classes_(graph.edge_classes()),
      transfers_(graph.transfer_classes()) {}

Time CriticalLinks::released(VertexId vertex) const {
  Time released = timeline_.finish[vertex];
  if (!blocking_) return released;
  for (EdgeId edge = out_begin_[vertex]; edge < out_begin_[vertex + 1]; ++edge) {
    if (!is_transfer(classes_[edge]) || !transfers_[classes_[edge]].holds_sender) continue;
    released = std::max(released, timeline_.transfer_finish[edge] - transfers_[classes_[edge]].latency);
  }
  return released;
}

Time CriticalLinks::arrival(VertexId source, EdgeId edge, VertexId target) const {
  if (is_transfer(classes_[edge])) return timeline_.transfer_finish[edge];
  // The op before it in the program hands the stream over; other data of the rank is there when its op has
  // finished.
  return blocking_ && source + 1 == target ? released(source) : timeline_.finish[source];
}

CriticalLink CriticalLinks::find(VertexId vertex) const {
  CriticalLink best;
  Time last{};
  for (EdgeId i = in_begin_[vertex]; i < in_begin_[vertex + 1]; ++i) {
    const VertexId source = in_sources_[i];
    if (timeline_.start[source] > timeline_.start[vertex]) continue;
    const Time there = arrival(source, in_edges_[i], vertex);
    if (best.source != kNoVertex && (there < last || (there == last && source >= best.source))) continue;
    best = {source, in_edges_[i]};
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
  const EdgeClass kind = classes_[link.edge];
  if (is_transfer(kind)) {
    add_transfer(tiling, transfers_[kind], timeline_.transfer_start[link.edge],
                 timeline_.transfer_finish[link.edge]);
  } else if (blocking_ && link.source + 1 == vertex) {
    tiling.until(ChainPart::Blocked, released(link.source));
  }
  tiling.until(ChainPart::Unexplained, end);
}

}  // namespace ppsim
