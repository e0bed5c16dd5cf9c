#include "idle_chains.hpp"

#include <algorithm>
#include <limits>

namespace ppsim {
namespace {

constexpr VertexId kNone = std::numeric_limits<VertexId>::max();

/// Lays parts one after the other, none beyond `to`, so that they tile [from, to) whatever the boundaries
/// say.
class Tiling {
 public:
  Tiling(Time from, Time to) : at_(from), to_(to) {}

  void until(ChainPart part, Time boundary) {
    const Time next = std::clamp(boundary, at_, to_);
    times_[static_cast<std::size_t>(part)] += next - at_;
    at_ = next;
  }

  [[nodiscard]] ChainTimes finish() {
    until(ChainPart::Unexplained, to_);
    return times_;
  }

 private:
  Time at_, to_;
  ChainTimes times_{};
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

IdleChains::IdleChains(const OpGraph& graph, const Timeline& timeline)
    : graph_(graph),
      timeline_(timeline),
      blocking_(graph.communication() == Communication::Blocking),
      in_begin_(graph.in_begin()),
      in_edges_(graph.in_edges()),
      out_begin_(graph.out_begin()),
      in_sources_(graph.in_sources()),
      classes_(graph.edge_classes()),
      transfers_(graph.transfer_classes()),
      links_(graph.vertex_count()),
      sums_(graph.vertex_count()) {}

Time IdleChains::released(VertexId vertex) const {
  Time released = timeline_.finish[vertex];
  if (!blocking_) return released;
  for (EdgeId edge = out_begin_[vertex]; edge < out_begin_[vertex + 1]; ++edge) {
    if (!is_transfer(classes_[edge])) continue;
    released = std::max(released, timeline_.transfer_finish[edge] - transfers_[classes_[edge]].latency);
  }
  return released;
}

Time IdleChains::arrival(VertexId source, EdgeId edge, VertexId target) const {
  if (is_transfer(classes_[edge])) return timeline_.transfer_finish[edge];
  // The op before it in the program hands the stream over; other data of the rank is there when its op has
  // finished.
  return source + 1 == target ? released(source) : timeline_.finish[source];
}

IdleChains::Link IdleChains::critical_link(VertexId vertex) const {
  Link best{kNone, 0, vertex, 0};
  Time last{};
  for (EdgeId i = in_begin_[vertex]; i < in_begin_[vertex + 1]; ++i) {
    const VertexId source = in_sources_[i];
    if (timeline_.start[source] > timeline_.start[vertex]) continue;
    const Time there = arrival(source, in_edges_[i], vertex);
    if (best.previous != kNone && (there < last || (there == last && source >= best.previous))) continue;
    best.previous = source;
    best.edge = in_edges_[i];
    last = there;
  }
  return best;
}

ChainTimes IdleChains::times_of_link(VertexId vertex, Time from) const {
  const Link& link = links_[vertex];
  const VertexId source = link.previous;
  Tiling tiling(std::max(from, timeline_.start[source]), timeline_.start[vertex]);
  const bool computes = is_compute(graph_.ops(source).front().kind);
  tiling.until(computes ? ChainPart::Computing : ChainPart::Tail, timeline_.finish[source]);
  if (is_transfer(classes_[link.edge])) {
    add_transfer(tiling, transfers_[classes_[link.edge]], timeline_.transfer_start[link.edge],
                 timeline_.transfer_finish[link.edge]);
  } else if (blocking_ && source + 1 == vertex) {
    tiling.until(ChainPart::Blocked, released(source));
  }
  return tiling.finish();
}

void IdleChains::attach(VertexId vertex) {
  Link& link = links_[vertex];
  if (link.previous == kNone) {
    link.depth = 1;
    return;
  }
  const Link& previous = links_[link.previous];
  const Link& jump = links_[previous.jump];
  link.depth = previous.depth + 1;
  const bool equal_jumps = previous.depth - jump.depth == jump.depth - links_[jump.jump].depth;
  link.jump = equal_jumps ? jump.jump : link.previous;
  sums_[vertex] = times_of_link(vertex, timeline_.start[link.previous]);
  for (std::size_t part = 0; part < kChainParts; ++part) sums_[vertex][part] += sums_[link.previous][part];
}

void IdleChains::follow(VertexId vertex) {
  path_.clear();
  for (VertexId v = vertex; v != kNone && links_[v].depth == 0; v = links_[v].previous) {
    links_[v] = critical_link(v);
    path_.push_back(v);
  }
  for (; !path_.empty(); path_.pop_back()) attach(path_.back());
}

ChainTimes IdleChains::explain(VertexId vertex, Time begin) {
  follow(vertex);
  VertexId first = vertex;  // of the chain's vertices that start after `begin`, the one nearest to it
  while (links_[first].previous != kNone && timeline_.start[links_[first].previous] > begin) {
    const VertexId jump = links_[first].jump;
    first = timeline_.start[jump] > begin ? jump : links_[first].previous;
  }
  ChainTimes times{};
  if (links_[first].previous == kNone) {
    times[static_cast<std::size_t>(ChainPart::Unexplained)] = timeline_.start[first] - begin;
  } else {
    times = times_of_link(first, begin);
  }
  for (std::size_t part = 0; part < kChainParts; ++part)
    times[part] += sums_[vertex][part] - sums_[first][part];
  return times;
}

}  // namespace ppsim
