// What both engines keep while a graph runs: who waits for how many, and the times so far.
#pragma once

#include <algorithm>
#include <vector>

#include "core/int128.hpp"
#include "ppsim/engine/simulate.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"

namespace ppsim {

/// What of an action's `duration` is collectives: the same share as of its duration in the graph.
[[nodiscard]] inline Time collective_part(const OpGraph& graph, VertexId vertex, Time duration) {
  const Time whole = graph.durations()[vertex], part = graph.collective_times()[vertex];
  if (duration == whole) return part;
  return Time(static_cast<Time::rep>(Int128{part.count()} * duration.count() / whole.count()));
}

/// Of one run after another, in the same memory; restart() begins each.
class Progress {
 public:
  /// Keeps a reference to the graph.
  explicit Progress(const OpGraph& graph)
      : graph_(graph),
        out_begin_(graph.edge_arrays().out_begin),
        targets_(graph.edge_arrays().targets),
        edge_classes_(graph.edge_arrays().classes),
        classes_(graph.transfer_classes()),
        blocking_(graph.communication() == Communication::Blocking),
        leaders_(graph.leaders()),
        replica_size_(graph.replica_size()),
        waits_(graph.vertex_count()) {
    timeline_.start.resize(graph.vertex_count());
    timeline_.finish.resize(graph.vertex_count());
    timeline_.transfer_start.resize(graph.edge_count());
    timeline_.transfer_finish.resize(graph.edge_count());
  }

  /// Nothing has run yet, and everything will take what `times` says.
  void restart(const RunTimes& times) {
    durations_ = times.durations.empty() ? graph_.durations() : times.durations;
    transmissions_ = times.transmissions;
    finished_ = 0;
    std::fill(timeline_.start.begin(), timeline_.start.end(), Time{});
    std::fill(waits_.begin(), waits_.end(), 0);
    for (VertexId v = 0; v < waits_.size(); ++v) waits_[leader_of(v)] += graph_.in_degree(v);
  }

  /// Calls `ready(vertex)` for each vertex that waits for nothing from the start.
  template <class Ready>
  void begin(Ready ready) {
    for (VertexId v = 0; v < waits_.size(); ++v) {
      if (leader_of(v) == v && waits_[v] == 0) start(v, ready);
    }
  }

  /// Lets `vertex`, which has finished, send: `move(edge, class, transmission, now)` gives each transfer its
  /// TransferTimes. Calls `ready(target)` for each vertex whose inputs are all on their way: its start and
  /// finish are known then.
  template <class Move, class Ready>
  void finish(VertexId vertex, Move move, Ready ready) {
    count_finished();
    const Time now = timeline_.finish[vertex];
    Time released = now;  // when the rank's next action may start
    VertexId next = vertex;
    for (EdgeId edge = out_begin_[vertex]; edge < out_begin_[vertex + 1]; ++edge) {
      const EdgeClass kind = edge_classes_[edge];
      if (kind == kProgramEdge) {
        next = targets_[edge];  // last: a blocking send may hold it up
        continue;
      }
      if (kind == kPartEdge) {
        arrive(targets_[edge], part_time(vertex, edge), ready);
      } else if (is_transfer(kind)) {
        const auto times = move(edge, kind, transmission(edge, kind), now);
        if (blocking_ && classes_[kind].holds_sender) released = std::max(released, times.sent);
        note_times(edge, times, ready);
      } else {
        arrive(targets_[edge], now, ready);
      }
    }
    if (next != vertex) arrive(next, released, ready);
  }

  // The steps of finish(), for an engine whose transfers have other moments than their producer's end.

  void count_finished() { ++finished_; }

  /// When what leaves `vertex` part-way over `edge` is there.
  [[nodiscard]] Time part_time(VertexId vertex, EdgeId edge) const {
    return timeline_.start[vertex] + graph_.part_edge(edge).of(durations_[vertex]);
  }

  [[nodiscard]] Time duration(VertexId vertex) const { return durations_[vertex]; }

  /// What of it is collectives in this run.
  [[nodiscard]] Time collective_time(VertexId vertex) const {
    return collective_part(graph_, vertex, durations_[vertex]);
  }

  /// Other traffic held its collectives up.
  void end_at(VertexId vertex, Time now) { timeline_.finish[vertex] = now; }

  /// How long the bytes of the transfer over `edge` take in this run.
  [[nodiscard]] Time transmission(EdgeId edge, EdgeClass kind) const {
    return transmissions_.empty() ? classes_[kind].transmission : transmissions_[edge];
  }

  /// The transfer over `edge` is on its way.
  template <class Times, class Ready>
  void note_times(EdgeId edge, const Times& times, Ready ready) {
    timeline_.transfer_start[edge] = times.start;
    timeline_.transfer_finish[edge] = times.arrival;
    arrive(targets_[edge], times.arrival, ready);
  }

  /// One of the target's inputs is there at `at`.
  template <class Ready>
  void arrive(VertexId target, Time at, Ready ready) {
    const VertexId leader = leader_of(target);
    timeline_.start[leader] = std::max(timeline_.start[leader], at);
    if (--waits_[leader] == 0) start(leader, ready);
  }

  /// What ran. Throws DeadlockError unless every vertex has finished.
  [[nodiscard]] const Timeline& timeline() const {
    if (finished_ < graph_.vertex_count()) throw make_deadlock_error(graph_, find_cycle(graph_));
    return timeline_;
  }
  [[nodiscard]] Timeline take() && { return std::move(timeline_); }

  [[nodiscard]] Time finish_time(VertexId vertex) const { return timeline_.finish[vertex]; }

 private:
  [[nodiscard]] VertexId leader_of(VertexId vertex) const {
    return leaders_.empty() ? vertex : leaders_[vertex];
  }

  // And all that start together with it.
  template <class Ready>
  void start(VertexId leader, Ready ready) {
    const Time start = timeline_.start[leader];
    for (std::size_t v = leader; v < waits_.size() && leader_of(static_cast<VertexId>(v)) == leader;
         v += replica_size_) {
      timeline_.start[v] = start;
      timeline_.finish[v] = start + durations_[v];
      ready(static_cast<VertexId>(v));
    }
  }

  const OpGraph& graph_;
  // Spans of the graph, so that the loop reads plain arrays.
  std::span<const EdgeId> out_begin_;
  std::span<const VertexId> targets_;
  std::span<const EdgeClass> edge_classes_;
  std::span<const Time> durations_;
  std::span<const Time> transmissions_;  // [edges], or empty
  std::span<const TransferClass> classes_;
  bool blocking_;
  std::span<const VertexId> leaders_;
  std::size_t replica_size_;
  std::vector<std::uint32_t> waits_;  // [vertices] inputs not yet on their way, of all that start together
  Timeline timeline_;
  std::uint32_t finished_ = 0;
};

}  // namespace ppsim
