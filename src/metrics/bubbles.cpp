// Idle time and its causes: DESIGN section 4, read as follows where it leaves a choice.
//
// - A rank's time is cut, in program order, into its compute ops (busy), what runs once a step (tail), the
// gaps before each
//   of them, and what is left after the last. A chain explains the gaps; they end where the rank's next
//   action starts.
// - Blocking: the time a send holds the rank's own stream is `blocked` whatever else the rank could have
// waited for
//   meanwhile (section 3 has no exception, so also behind the last op); the chain explains the gap from there
//   on. Inside a chain, a stream held on another rank is `blocked` where the chain goes through that rank's
//   program, and the transfer itself is latency and bandwidth where the chain goes through the transfer.
// - The predecessor that finished last is the last to arrive: a transfer's arrival counts, not its producer's
// finish. The id
//   of a transfer is its producer's.
// - Where a gap is both before the first backward and behind the last forward (GPipe's middle), `warmup`
// comes first.
// - Forward-only runs have no backward in the whole graph: all before a rank's first op is `warmup`, hops
// included.
// - A rank without any op has nothing but time behind its last one.
#include "ppsim/metrics/bubbles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>

#include "idle_chains.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/core/int128.hpp"

namespace ppsim {
namespace {

struct Interval {
  Time begin{}, end{};
};

/// What the rules need to know of the whole run.
struct RunBounds {
  Time begin{}, end{};
  bool forward_only = true;
  std::vector<Interval> tails;  ///< when some rank reduces or steps: ascending, disjoint
};

/// Where a rank's ramps lie. Empty: it has no such op.
struct RankRamps {
  std::optional<Time> first_backward_start;
  std::optional<Time> last_forward_finish;
};

bool holds(std::span<const Op> ops, bool (*wanted)(OpKind)) {
  return std::any_of(ops.begin(), ops.end(), [wanted](const Op& op) { return wanted(op.kind); });
}

bool is_forward(OpKind kind) {
  return kind == OpKind::Forward;
}

RankRamps find_ramps(const OpGraph& graph, const Timeline& timeline, std::size_t rank) {
  const VertexId begin = graph.rank_begin()[rank], end = graph.rank_begin()[rank + 1];
  RankRamps ramps;
  for (VertexId v = begin; v < end && !ramps.first_backward_start; ++v) {
    if (holds(graph.ops(v), needs_gradient)) ramps.first_backward_start = timeline.start[v];
  }
  for (VertexId v = end; v > begin && !ramps.last_forward_finish; --v) {
    if (holds(graph.ops(v - 1), is_forward)) ramps.last_forward_finish = timeline.finish[v - 1];
  }
  return ramps;
}

bool is_tail(const OpGraph& graph, VertexId vertex) {
  return !is_compute(graph.ops(vertex).front().kind);
}

/// Merges intervals that touch or overlap.
std::vector<Interval> make_union(std::vector<Interval> intervals) {
  std::sort(intervals.begin(), intervals.end(), [](Interval a, Interval b) { return a.begin < b.begin; });
  std::vector<Interval> merged;
  for (const Interval interval : intervals) {
    if (merged.empty() || interval.begin > merged.back().end) {
      merged.push_back(interval);
    } else {
      merged.back().end = std::max(merged.back().end, interval.end);
    }
  }
  return merged;
}

RunBounds find_bounds(const OpGraph& graph, const Timeline& timeline, std::span<const RankRamps> ramps) {
  RunBounds run;
  if (graph.vertex_count() == 0) return run;
  run.begin = *std::min_element(timeline.start.begin(), timeline.start.end());
  run.end = *std::max_element(timeline.finish.begin(), timeline.finish.end());
  for (const RankRamps& rank : ramps) run.forward_only &= !rank.first_backward_start;
  for (VertexId v = 0; v < graph.vertex_count(); ++v) {
    if (is_tail(graph, v)) run.tails.push_back({timeline.start[v], timeline.finish[v]});
  }
  run.tails = make_union(std::move(run.tails));
  return run;
}

/// Walks one rank's time from the run's begin to its end.
class RankWalk {
 public:
  RankWalk(const OpGraph& graph, const Timeline& timeline, const RunBounds& run, const RankRamps& ramps,
           IdleChains& chains)
      : graph_(graph), timeline_(timeline), run_(run), ramps_(ramps), chains_(chains), at_(run.begin) {}

  [[nodiscard]] RankBubbles walk(VertexId begin, VertexId end) {
    for (VertexId v = begin; v < end; ++v) {
      if (timeline_.start[v] > at_) add_gap(v, v == begin);
      // A measured action may overlap the one before it: only what is new counts, so that nothing counts
      // twice.
      const Time more = std::max(timeline_.finish[v] - at_, Time{});
      (is_tail(graph_, v) ? cause(IdleCause::Tail) : bubbles_.busy) += more;
      at_ += more;
    }
    if (begin < end) {
      bubbles_.span = at_ - timeline_.start[begin];
      add_hold(end - 1, run_.end);
    }
    add_end();
    return finish();
  }

 private:
  Time& cause(IdleCause cause) { return bubbles_.idle_by_cause[static_cast<std::size_t>(cause)]; }

  void advance(IdleCause why, Time until) {
    cause(why) += until - at_;
    at_ = until;
  }

  /// The time for which a send of `vertex` holds the stream.
  void add_hold(VertexId vertex, Time limit) {
    advance(IdleCause::Blocked, std::clamp(chains_.released(vertex), at_, limit));
  }

  void add_gap(VertexId vertex, bool first) {
    const Time end = timeline_.start[vertex];
    if (first && run_.forward_only) return advance(IdleCause::Warmup, end);
    const IdleCause computing = computing_cause(at_, end);
    if (!first) add_hold(vertex - 1, end);
    if (at_ == end) return;
    const ChainTimes times = chains_.explain(vertex, at_);
    for (std::size_t part = 0; part < kChainParts; ++part) {
      advance(idle_cause(static_cast<ChainPart>(part), computing), at_ + times[part]);
    }
  }

  [[nodiscard]] IdleCause computing_cause(Time begin, Time end) const {
    if (ramps_.first_backward_start && end <= *ramps_.first_backward_start) return IdleCause::Warmup;
    if (run_.forward_only || !ramps_.last_forward_finish) return IdleCause::Dependency;
    return begin >= *ramps_.last_forward_finish ? IdleCause::Cooldown : IdleCause::Dependency;
  }

  static IdleCause idle_cause(ChainPart part, IdleCause computing) {
    switch (part) {
      case ChainPart::Computing:
        return computing;
      case ChainPart::Contention:
        return IdleCause::Contention;
      case ChainPart::Latency:
        return IdleCause::Latency;
      case ChainPart::Bandwidth:
        return IdleCause::Bandwidth;
      case ChainPart::Blocked:
        return IdleCause::Blocked;
      case ChainPart::Tail:
        return IdleCause::Tail;
      case ChainPart::Unexplained:
        return IdleCause::Dependency;
    }
    return IdleCause::Dependency;
  }

  /// Behind the last op, while others go on.
  void add_end() {
    for (const Interval tail : run_.tails) {
      if (tail.end <= at_) continue;
      advance(IdleCause::Cooldown, std::max(tail.begin, at_));
      advance(IdleCause::Tail, tail.end);
    }
    advance(IdleCause::Cooldown, run_.end);
  }

  [[nodiscard]] RankBubbles finish() {
    bubbles_.idle = run_.end - run_.begin - bubbles_.busy;
    const auto& causes = bubbles_.idle_by_cause;
    const Time sum = std::accumulate(causes.begin(), causes.end(), Time{});
    PPSIM_ASSERT(sum == bubbles_.idle && *std::min_element(causes.begin(), causes.end()) >= Time{},
                 fmt::format("causes sum to {} ns, idle {} ns", sum.count(), bubbles_.idle.count()));
    return bubbles_;
  }

  const OpGraph& graph_;
  const Timeline& timeline_;
  const RunBounds& run_;
  const RankRamps& ramps_;
  IdleChains& chains_;
  Time at_;  ///< everything before it has its cause
  RankBubbles bubbles_;
};

/// 1 - busy / (ranks x window): exact up to one division.
double idle_share(Time busy, std::size_t ranks, Time window) {
  const Int128 all = static_cast<Int128>(window.count()) * static_cast<Int128>(ranks);
  return all == 0 ? 0.0 : static_cast<double>(all - busy.count()) / static_cast<double>(all);
}

}  // namespace

std::string_view name(IdleCause cause) {
  switch (cause) {
    case IdleCause::Warmup:
      return "warmup";
    case IdleCause::Cooldown:
      return "cooldown";
    case IdleCause::Dependency:
      return "dependency";
    case IdleCause::Contention:
      return "contention";
    case IdleCause::Latency:
      return "latency";
    case IdleCause::Bandwidth:
      return "bandwidth";
    case IdleCause::Blocked:
      return "blocked";
    case IdleCause::Tail:
      return "tail";
  }
  return "?";
}

double Bubbles::bubble_fraction() const {
  return idle_share(busy, ranks.size(), makespan);
}

double Bubbles::bubble_ratio() const {
  const Int128 idle =
      static_cast<Int128>(makespan.count()) * static_cast<Int128>(ranks.size()) - busy.count();
  return busy == Time{} ? 0.0 : static_cast<double>(idle) / static_cast<double>(busy.count());
}

double Bubbles::span_bubble_fraction() const {
  return idle_share(busy, ranks.size(), max_rank_span);
}

Bubbles measure_bubbles(const OpGraph& graph, const Timeline& timeline) {
  std::vector<RankRamps> ramps;
  for (std::size_t rank = 0; rank < graph.rank_count(); ++rank) {
    ramps.push_back(find_ramps(graph, timeline, rank));
  }
  const RunBounds run = find_bounds(graph, timeline, ramps);
  IdleChains chains(graph, timeline);
  Bubbles bubbles;
  bubbles.makespan = run.end - run.begin;
  for (std::size_t rank = 0; rank < graph.rank_count(); ++rank) {
    RankWalk walk(graph, timeline, run, ramps[rank], chains);
    bubbles.ranks.push_back(walk.walk(graph.rank_begin()[rank], graph.rank_begin()[rank + 1]));
    bubbles.busy += bubbles.ranks.back().busy;
    bubbles.max_rank_span = std::max(bubbles.max_rank_span, bubbles.ranks.back().span);
  }
  return bubbles;
}

}  // namespace ppsim
