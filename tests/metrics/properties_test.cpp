// Random runs against slow and simple answers: causes nanosecond by nanosecond, memory by sorting all events.
#include <doctest/doctest.h>

#include <rapidcheck.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <random>
#include <tuple>

#include "metrics/random_runs.hpp"

namespace ppsim::test::properties_test {
namespace {

using Causes8 = std::array<Time, kIdleCauses>;

/// The rules of DESIGN section 4 asked for one nanosecond at a time, with nothing kept from one to the next.
class OracleOfCauses {
 public:
  explicit OracleOfCauses(const SmallRun& run) : graph_(run.graph), time_(run.timeline), run_(run) {
    begin_ = *std::min_element(time_.start.begin(), time_.start.end());
    end_ = *std::max_element(time_.finish.begin(), time_.finish.end());
  }

  [[nodiscard]] Causes8 causes(std::size_t rank) const {
    Causes8 causes{};
    Time at = begin_;  // up to which the rank's actions so far have run
    const VertexId first = graph_.rank_begin()[rank], last = graph_.rank_begin()[rank + 1];
    for (VertexId v = first; v < last; ++v) {
      for (Time now = at; now < time_.start[v]; ++now) ++causes[number(gap_cause(rank, v, at, now))];
      at = std::max(at, time_.start[v]);
      for (; at < time_.finish[v]; ++at) {
        if (tail(v)) ++causes[number(IdleCause::Tail)];
      }
    }
    for (Time now = at; now < end_; ++now) ++causes[number(end_cause(last - 1, now))];
    return causes;
  }

 private:
  static std::size_t number(IdleCause cause) { return static_cast<std::size_t>(cause); }
  [[nodiscard]] bool tail(VertexId v) const { return !is_compute(graph_.ops(v).front().kind); }

  [[nodiscard]] Time released(VertexId v) const {
    Time released = time_.finish[v];
    for (EdgeId e = graph_.edge_arrays().out_begin[v]; e < graph_.edge_arrays().out_begin[v + 1]; ++e) {
      if (graph_.communication() == Communication::Overlap || !is_transfer(graph_.edge_arrays().classes[e]))
        continue;
      released = std::max(released, time_.transfer_finish[e] - transfer(e).latency);
    }
    return released;
  }

  [[nodiscard]] const TransferClass& transfer(EdgeId e) const {
    return graph_.transfer_classes()[graph_.edge_arrays().classes[e]];
  }

  [[nodiscard]] IdleCause end_cause(VertexId last, Time now) const {
    if (now < released(last)) return IdleCause::Blocked;
    for (VertexId v = 0; v < graph_.vertex_count(); ++v) {
      if (tail(v) && time_.start[v] <= now && now < time_.finish[v]) return IdleCause::Tail;
    }
    return IdleCause::Cooldown;
  }

  [[nodiscard]] IdleCause gap_cause(std::size_t rank, VertexId v, Time gap_begin, Time now) const {
    const bool first = v == graph_.rank_begin()[rank];
    if (first && run_.schedule.forward_only) return IdleCause::Warmup;
    if (!first && now < released(v - 1)) return IdleCause::Blocked;
    const auto cause = chain_cause(v, now);
    return cause ? *cause : computing_cause(rank, v, gap_begin);
  }

  /// What the chain behind v does at `now`; empty: it computes.
  [[nodiscard]] std::optional<IdleCause> chain_cause(VertexId v, Time now) const {
    using Candidate = std::tuple<Time, std::int64_t, std::int64_t>;  // arrival, - id, - edge
    std::optional<Candidate> best;
    for (EdgeId i = graph_.edge_arrays().in_begin[v]; i < graph_.edge_arrays().in_begin[v + 1]; ++i) {
      const VertexId u = graph_.edge_arrays().in_sources[i];
      const EdgeId e = graph_.edge_arrays().in_edges[i];
      if (time_.start[u] > time_.start[v]) continue;
      const bool moves = is_transfer(graph_.edge_arrays().classes[e]);
      const Time there = moves ? time_.transfer_finish[e] : u + 1 == v ? released(u) : time_.finish[u];
      best = std::max(best, std::optional(Candidate(there, -std::int64_t{u}, -std::int64_t{e})));
    }
    if (!best) return IdleCause::Dependency;
    const auto u = static_cast<VertexId>(-std::get<1>(*best));
    if (now < time_.start[u]) return chain_cause(u, now);
    if (now < time_.finish[u]) return tail(u) ? std::optional(IdleCause::Tail) : std::nullopt;
    if (now >= std::get<0>(*best)) return IdleCause::Dependency;
    const auto e = static_cast<EdgeId>(-std::get<2>(*best));
    return is_transfer(graph_.edge_arrays().classes[e]) ? transfer_cause(e, now) : IdleCause::Blocked;
  }

  [[nodiscard]] IdleCause transfer_cause(EdgeId e, Time now) const {
    const Time start = time_.transfer_start[e];
    if (now < start) return IdleCause::Contention;
    if (now < start + transfer(e).latency) return IdleCause::Latency;
    return now < start + transfer(e).latency + transfer(e).transmission ? IdleCause::Bandwidth
                                                                        : IdleCause::Contention;
  }

  [[nodiscard]] IdleCause computing_cause(std::size_t rank, VertexId v, Time gap_begin) const {
    std::optional<Time> first_backward, last_forward;
    for (VertexId w = graph_.rank_begin()[rank]; w < graph_.rank_begin()[rank + 1]; ++w) {
      for (const Op op : graph_.ops(w)) {
        if (needs_gradient(op.kind) && !first_backward) first_backward = time_.start[w];
        if (op.kind == OpKind::Forward) last_forward = time_.finish[w];
      }
    }
    if (run_.schedule.forward_only) return IdleCause::Dependency;
    if (time_.start[v] <= first_backward) return IdleCause::Warmup;
    return gap_begin >= last_forward ? IdleCause::Cooldown : IdleCause::Dependency;
  }

  const OpGraph& graph_;
  const Timeline& time_;
  const SmallRun& run_;
  Time begin_, end_;
};

void check_bubbles(const SmallRun& run) {
  const Bubbles bubbles = run.bubbles();
  const OracleOfCauses oracle(run);
  Time busy{};
  for (std::size_t rank = 0; rank < bubbles.ranks.size(); ++rank) {
    const RankBubbles& measured = bubbles.ranks[rank];
    const Causes8& causes = measured.idle_by_cause;
    RC_ASSERT(std::accumulate(causes.begin(), causes.end(), Time{}) == measured.idle);
    RC_ASSERT(*std::min_element(causes.begin(), causes.end()) >= Time{});
    RC_ASSERT(measured.busy + measured.idle == bubbles.makespan);
    RC_ASSERT(measured.span <= bubbles.makespan);
    RC_ASSERT(causes == oracle.causes(rank));
    busy += measured.busy;
  }
  RC_ASSERT(bubbles.busy == busy);
}

TEST_CASE("on random runs every idle nanosecond has the cause that asking for it alone finds") {
  CHECK(rc::check("simulated", [] { check_bubbles(random_run()); }));
}

TEST_CASE("on random measured timelines too, however the clocks err") {
  CHECK(rc::check("measured", [] {
    SmallRun run = random_run();
    shake(run.timeline);
    check_bubbles(run);
  }));
}

// Every gap's chain runs through all ranks: together far longer than the graph, so that most are not walked.
TEST_CASE("chains through all ranks, again and again, have the causes that asking for each alone finds") {
  CHECK(rc::check("naive", [] {
    const Shape shape{*rc::gen::inRange<std::uint32_t>(3, 9), *rc::gen::inRange<std::uint32_t>(3, 9), 1};
    std::mt19937 random(*rc::gen::arbitrary<std::uint32_t>());
    const Workload workload = random_workload({shape.ranks, 1, shape.micro_batches, false}, random);
    const auto communication = *rc::gen::element(Communication::Overlap, Communication::Blocking);
    SmallRun run = run_schedule(registered("naive", shape), workload, communication);
    if (*rc::gen::arbitrary<bool>()) shake(run.timeline);
    check_bubbles(run);
  }));
}

TEST_CASE("busy time of a simulated run is the sum of its compute durations") {
  CHECK(rc::check("busy", [] {
    const SmallRun run = random_run();
    Time sum{};
    for (VertexId v = 0; v < run.graph.vertex_count(); ++v) {
      if (is_compute(run.graph.ops(v).front().kind)) sum += run.graph.durations()[v];
    }
    RC_ASSERT(run.bubbles().busy == sum);
  }));
}

struct MemoryEvent {
  Time at;
  bool allocates;  ///< what ends at an instant comes before what starts
  std::int64_t bytes;
  int count;
};

/// Every allocation and release of a rank, sorted. Each lasts at least 1 ns, so that this settles their
/// order.
std::vector<MemoryEvent> memory_events(const SmallRun& run, std::size_t rank) {
  std::vector<MemoryEvent> events;
  for (VertexId v = run.graph.rank_begin()[rank]; v < run.graph.rank_begin()[rank + 1]; ++v) {
    const Time start = run.timeline.start[v], finish = run.timeline.finish[v];
    for (const Op op : run.graph.ops(v)) {
      const StageCosts& costs = run.workload.stages[index(op.stage)];
      const std::int64_t all = costs.activation.count(), at_i = costs.activation_freed_at_input_grad.count();
      if (op.kind == OpKind::Forward) events.push_back({start, true, all, 1});
      if (op.kind == OpKind::Backward) events.push_back({finish, false, -all, -1});
      if (op.kind == OpKind::InputGrad) events.push_back({finish, false, -at_i, 0});
      if (op.kind == OpKind::WeightGrad) events.push_back({finish, false, at_i - all, -1});
    }
  }
  std::sort(events.begin(), events.end(), [](const MemoryEvent& a, const MemoryEvent& b) {
    return std::tie(a.at, a.allocates) < std::tie(b.at, b.allocates);
  });
  return events;
}

void check_memory(const SmallRun& run, std::size_t rank, const RankMemory& memory) {
  std::int64_t bytes = 0, peak = 0;
  int count = 0, peak_count = 0;
  Time peak_at{};
  for (const MemoryEvent& event : memory_events(run, rank)) {
    bytes += event.bytes;
    count += event.count;
    if (bytes > peak) peak = bytes, peak_at = event.at;
    peak_count = std::max(peak_count, count);
  }
  RC_ASSERT(bytes == 0);
  RC_ASSERT(memory.peak_activation == Bytes(peak));
  RC_ASSERT(memory.peak_at == peak_at);
  RC_ASSERT(memory.peak_count == static_cast<std::uint32_t>(peak_count));
  RC_ASSERT(memory.steps.back().bytes == Bytes(0));
  RC_ASSERT(memory.steps.back().count == 0u);
  for (std::size_t step = 1; step < memory.steps.size(); ++step) {
    RC_ASSERT(memory.steps[step - 1].at < memory.steps[step].at);
  }
}

TEST_CASE("on random runs memory ends at nothing and peaks where sorting all events says") {
  CHECK(rc::check("memory", [] {
    const SmallRun run = random_run();
    RC_PRE(!run.schedule.forward_only);
    const std::vector<RankMemory> memory = run.memory();
    for (std::size_t rank = 0; rank < memory.size(); ++rank) check_memory(run, rank, memory[rank]);
  }));
}

}  // namespace
}  // namespace ppsim::test::properties_test
