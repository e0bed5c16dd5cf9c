// Idle time and its causes: DESIGN section 4, read as follows where it leaves a choice.
//
// - A rank's time is cut, in program order, into its compute ops (busy), what runs once a step (tail), the
//   gap before each of them, and what is left after the last. A chain explains a gap; what is left is
//   cool-down, or tail.
// - Blocking: while a send holds the rank's own stream it is `blocked`, whatever else the rank could have
//   waited for meanwhile (section 3 has no exception, so behind the last op too); the chain explains the gap
//   from there on. Inside a chain, another rank's held stream is `blocked` where the chain goes through
//   that rank's program; where it goes through the transfer, that is latency and bandwidth.
// - Sends in the program: what a transfer waits for its turn on either rank's stream, or for the other rank,
//   is `blocked`; what it then waits for its links is `contention`.
// - The predecessor that finished last is the last to arrive: a transfer's arrival counts, not its
//   producer's finish. The id of a transfer is its producer's; of two transfers between the same two pairs
//   the lower edge counts.
// - Where a gap lies both before the first backward and behind the last forward (GPipe's middle), it is
//   `warmup`, which the rule names first.
// - Forward-only runs have no backward on any rank: all before a rank's first op is `warmup`, hops included.
// - A rank without any op has nothing but time behind its last one.
// - Measured ops of a rank may overlap by the clock's error: only what is new counts, and nothing twice.
#include "metrics/rank_walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

IdleCause idle_cause(ChainPart part, IdleCause computing) {
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

}  // namespace

void RankWalk::wait_for(VertexId vertex) {
  if (timeline_.start[vertex] > at_) add_gap(vertex);
}

void RankWalk::run(VertexId vertex) {
  if (last_vertex_ == kNoVertex) first_start_ = timeline_.start[vertex];
  last_vertex_ = vertex;
  const Time more = std::max(timeline_.finish[vertex] - at_, Time{});
  (run_.tails[vertex] ? cause(IdleCause::Tail) : bubbles_.busy) += more;
  at_ += more;
}

RankBubbles RankWalk::finish() {
  if (last_vertex_ != kNoVertex) bubbles_.span = at_ - first_start_;
  add_hold(run_.end);
  add_end();
  bubbles_.idle = run_.end - run_.begin - bubbles_.busy;
  const auto& causes = bubbles_.idle_by_cause;
  const Time sum = std::accumulate(causes.begin(), causes.end(), Time{});
  PPSIM_ASSERT(sum == bubbles_.idle && *std::min_element(causes.begin(), causes.end()) >= Time{},
               fmt::format("causes sum to {} ns, idle {} ns", sum.count(), bubbles_.idle.count()));
  return bubbles_;
}

void RankWalk::advance(IdleCause why, Time until) {
  cause(why) += until - at_;
  at_ = until;
}

/// The time for which a send of the last op holds the stream.
void RankWalk::add_hold(Time limit) {
  if (last_vertex_ == kNoVertex) return;
  advance(IdleCause::Blocked, std::clamp(links_.released(last_vertex_), at_, limit));
}

void RankWalk::add_gap(VertexId vertex) {
  const Time end = timeline_.start[vertex];
  if (last_vertex_ == kNoVertex && run_.forward_only) return advance(IdleCause::Warmup, end);
  const IdleCause computing = computing_cause(at_, end);
  add_hold(end);
  if (at_ == end) return;
  const ChainTimes times = chains_.explain(vertex, at_);
  for (std::size_t part = 0; part < kChainParts; ++part) {
    advance(idle_cause(static_cast<ChainPart>(part), computing), at_ + times[part]);
  }
}

IdleCause RankWalk::computing_cause(Time begin, Time end) const {
  if (ramps_.first_backward_start && end <= *ramps_.first_backward_start) return IdleCause::Warmup;
  const bool behind = ramps_.last_forward_finish && begin >= *ramps_.last_forward_finish;
  return behind ? IdleCause::Cooldown : IdleCause::Dependency;
}

/// Behind the last op, while others go on.
void RankWalk::add_end() {
  for (const TailSpan tail : run_.tail_times) {
    if (tail.end <= at_) continue;
    advance(IdleCause::Cooldown, std::max(tail.begin, at_));
    advance(IdleCause::Tail, tail.end);
  }
  advance(IdleCause::Cooldown, run_.end);
}

}  // namespace ppsim
