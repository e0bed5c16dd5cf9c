// Lowering: program order and data dependencies as edges. The inputs of an op are those of Huang et al. 2019
// (F from the stage before, B from the stage behind), with the split backward of Qi et al. 2024 (I as B, W
// after I).
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "graph/collective_classes.hpp"
#include "graph/comm_gates.hpp"
#include "graph/finish_graph.hpp"
#include "graph/op_costs.hpp"
#include "graph/op_graph_data.hpp"
#include "graph/side_streams.hpp"
#include "graph/transfer_table.hpp"

namespace ppsim {
namespace {

class GraphBuilder {
 public:
  GraphBuilder(const Schedule& schedule, const Workload& workload, Communication communication,
               ProgramStreams streams, const LinkSharing& links)
      : schedule_(schedule),
        workload_(workload),
        streams_(streams),
        links_(links),
        transfers_(schedule, workload, links),
        collectives_(schedule, workload, links.replica),
        forward_at_(std::size_t{schedule.stages()} * schedule.micro_batches, kNoVertex),
        gradient_at_(schedule.forward_only ? 0 : forward_at_.size(), kNoVertex),
        last_backward_(schedule.stages(), kNoVertex) {
    data_.communication = communication;
    data_.link_count = workload.network.link_count();
    if (communication != Communication::Program) return;
    vertex_behind_.reserve(schedule.ops.size());
    forward_edges_.assign(forward_at_.size(), kNoEdge);
    gradient_edges_.assign(gradient_at_.size(), kNoEdge);
  }

  OpGraph::Data build() && {
    add_vertices();
    add_edges();
    check_total(data_, transfers_.classes());
    reverse_edges(data_);
    data_.transfers = std::move(transfers_).take();
    data_.collective_classes = std::move(collectives_).take();
    if (is_program())
      add_gates(data_, schedule_, streams_, {vertex_behind_, forward_edges_, gradient_edges_});
    return std::move(data_);
  }

 private:
  using Edge = std::pair<VertexId, VertexId>;

  [[nodiscard]] bool is_program() const { return data_.communication == Communication::Program; }

  [[nodiscard]] std::size_t slot(std::size_t stage, std::size_t micro_batch) const {
    return stage * schedule_.micro_batches + micro_batch;
  }

  void add_vertices() {
    const bool pairs =
        std::any_of(schedule_.ops.begin(), schedule_.ops.end(), [](Op op) { return op.overlaps_next; });
    const std::size_t reductions =
        std::size_t{schedule_.stages()} * schedule_.placement.directions() * schedule_.steps;
    data_.ops.reserve(schedule_.ops.size() + reductions);
    data_.durations.reserve(schedule_.ops.size() + reductions);
    for (std::uint32_t rank = 0; rank < schedule_.ranks(); ++rank) {
      data_.rank_begin.push_back(vertex_count());
      if (has_speeds()) speed_ = speed_of(rank);
      add_program(schedule_.program(Rank{rank}), pairs);
      add_tail(Rank{rank}, pairs);
      add_side(pairs);
      if (links_.collectives) add_collectives(Rank{rank});
    }
    data_.rank_begin.push_back(vertex_count());
    if (pairs) data_.op_begin.push_back(static_cast<std::uint32_t>(data_.ops.size()));
  }

  [[nodiscard]] bool has_speeds() const { return !workload_.rank_speeds.empty(); }

  [[nodiscard]] RankSpeed speed_of(std::uint32_t rank) const {
    if (!links_.replica || workload_.replica_speeds.empty()) return workload_.rank_speeds[rank];
    return workload_.replica_speeds[std::size_t{*links_.replica} * schedule_.ranks() + rank];
  }

  [[nodiscard]] VertexId vertex_count() const { return static_cast<VertexId>(data_.durations.size()); }

  void add_program(std::span<const Op> program, bool pairs) {
    for (std::size_t step = 0; step < program.size(); ++step) {
      if (is_copy(program[step].kind)) {
        add_copy(program[step]);
        note_behind(vertex_count() - 1, 1);
        continue;
      }
      if (program[step].kind == OpKind::Forward) end_evictions();
      begin_vertex(pairs);
      note_behind(vertex_count(), program[step].overlaps_next ? 2 : 1);
      place(program[step]);
      Time duration = duration_of(program[step]);
      if (program[step].overlaps_next) duration = pair_duration(duration, place(program[++step]));
      data_.durations.push_back(duration);
      if (ends_step(program[step])) add_step_end(program[step], pairs);
    }
  }

  // Of the program.
  void begin_vertex(bool pairs) {
    side_.meet(vertex_count());
    if (pairs) data_.op_begin.push_back(static_cast<std::uint32_t>(data_.ops.size()));
  }

  // Of the next ops of the schedule.
  void note_behind(VertexId vertex, std::size_t ops) {
    if (is_program()) vertex_behind_.insert(vertex_behind_.end(), ops, vertex);
  }

  void add_copy(Op op) {
    copies_.push_back({vertex_count() - 1, kNoVertex, op});
    if (op.kind == OpKind::Evict) ++open_evictions_;
  }

  // The forward that comes next waits for every EVICT since the last one.
  void end_evictions() {
    for (auto copy = copies_.rbegin(); open_evictions_ > 0; ++copy) {
      if (copy->op.kind != OpKind::Evict) continue;
      copy->target = vertex_count();
      --open_evictions_;
    }
  }

  // The last backward of an optimizer step but the last one, whose reductions are the tail.
  [[nodiscard]] bool ends_step(Op op) const {
    if (schedule_.steps == 1 || !ends_backward(op.kind)) return false;
    const std::size_t done = index(op.micro_batch) + 1;
    return done % (schedule_.micro_batches / schedule_.steps) == 0 && done < schedule_.micro_batches;
  }

  // What a stage does once a step, as far as it takes time.
  void add_step_end(Op last, bool pairs) {
    for (const OpKind kind : {OpKind::GradientReduction, OpKind::OptimizerStep, OpKind::ParameterGather}) {
      const Op op{kind, false, last.stage, last.micro_batch};
      const Time duration = duration_of(op);
      if (duration == Time{}) continue;
      if (kind == OpKind::GradientReduction && workload_.overlap_gradients) {
        side_.add({last_backward_[index(op.stage)], op, duration,
                   workload_.stages[index(op.stage)].gradient_buckets});
        continue;
      }
      begin_vertex(pairs);
      data_.ops.push_back(op);
      data_.durations.push_back(duration);
    }
  }

  void add_side(bool pairs) {
    data_.side_begin.push_back(vertex_count());
    side_.number(vertex_count(), [&](const BucketGroup& group, std::uint32_t bucket) {
      if (pairs) data_.op_begin.push_back(static_cast<std::uint32_t>(data_.ops.size()));
      data_.ops.push_back(group.op);
      data_.durations.push_back(group.bucket_duration(bucket));
    });
  }

  void add_collectives(Rank rank) {
    for (VertexId vertex = data_.rank_begin.back(); vertex < vertex_count(); ++vertex) {
      const std::size_t begin = data_.op_begin.empty() ? vertex : data_.op_begin[vertex];
      const std::size_t end = vertex + 1 < data_.op_begin.size() ? data_.op_begin[vertex + 1]
                              : data_.op_begin.empty()           ? vertex + 1
                                                                 : data_.ops.size();
      const auto ops = std::span(data_.ops).subspan(begin, end - begin);
      const Time time = collective_time(schedule_, workload_, ops, data_.durations[vertex], speed_);
      data_.collectives.push_back(collectives_.of(rank, ops, time));
      data_.collective_times.push_back(data_.collectives.back() == kNoCollective ? Time{} : time);
    }
  }

  // Notes the op as part of the vertex that comes next; returns its own duration.
  Time place(Op op) {
    const std::size_t at = slot(index(op.stage), index(op.micro_batch));
    if (op.kind == OpKind::Forward) forward_at_[at] = vertex_count();
    if (needs_gradient(op.kind)) gradient_at_[at] = vertex_count();
    if (ends_backward(op.kind)) last_backward_[index(op.stage)] = vertex_count();
    data_.ops.push_back(op);
    return duration_of(op);
  }

  [[nodiscard]] Time pair_duration(Time forward, Time backward) const {
    // How much of a time that is given are collectives nobody says.
    if (const auto* given = std::get_if<Time>(&workload_.pair)) return scaled(*given, 1 / speed_.compute);
    const bool sum = std::get<PairRule>(workload_.pair) == PairRule::Sum;
    return sum ? forward + backward : std::max(forward, backward);
  }

  // On the rank at hand.
  [[nodiscard]] Time duration_of(Op op) const {
    const Time duration = stage_duration(op);
    return has_speeds() ? duration_at(schedule_, workload_, op, duration, speed_) : duration;
  }

  [[nodiscard]] Time stage_duration(Op op) const {
    const StageCosts& costs = workload_.stages[index(op.stage)];
    if (op.kind == OpKind::Forward && schedule_.is_token_step(op.micro_batch))
      return costs.decode_forward[index(op.micro_batch) / schedule_.requests - 1];
    return costs.duration(op.kind);
  }

  // Stage by stage; where reductions run beside the program, what follows stands behind all of them.
  void add_tail(Rank rank, bool pairs) {
    for (const Stage stage : schedule_.placement.stages_of(rank))
      add_step_end({OpKind::Backward, false, stage, MicroBatch{0}}, pairs);
  }

  void add_edges() {
    std::vector<Edge> edges;
    edges.reserve(data_.ops.size() * 2);
    data_.edge_classes.reserve(data_.ops.size() * 2);
    for (std::size_t rank = 0; rank + 1 < data_.rank_begin.size(); ++rank) {
      for (VertexId vertex = data_.rank_begin[rank]; vertex < data_.rank_begin[rank + 1]; ++vertex)
        add_edges_of(vertex, rank, edges);
    }
    data_.csr = CsrGraph(boost::edges_are_sorted, edges.begin(), edges.end(), vertex_count(),
                         static_cast<EdgeId>(edges.size()));
  }

  struct Copy {
    VertexId source;
    VertexId target;  // EVICT: known once the next F is placed
    Op op;
  };

  struct OutEdge {
    VertexId target;
    EdgeClass kind;
    Op op{};  // whose result it carries
    const Copy* copy = nullptr;
    BucketEdge bucket{};  // of a kPartEdge
  };

  // From rank r to P-1-r, or back.
  OutEdge edge_of(const Copy& copy) {
    const Rank rank = schedule_.placement.rank_of(copy.op.stage, schedule_.direction(copy.op.micro_batch));
    const Rank partner{schedule_.ranks() - 1 - static_cast<std::uint32_t>(index(rank))};
    const bool evict = copy.op.kind == OpKind::Evict;
    const EdgeClass kind = transfers_.copy(workload_.network, evict ? rank : partner, evict ? partner : rank,
                                           workload_.stages[index(copy.op.stage)].activation);
    const std::size_t at = slot(index(copy.op.stage), index(copy.op.micro_batch));
    return {evict ? copy.target : gradient_at_[at], kind, copy.op, &copy};
  }

  // Sorted by target, then by class: that is how edges are numbered. At most a program edge, one for each
  // op of a pair, copies, and buckets of gradients; both of a pair's can go to the same pair.
  void add_edges_of(VertexId vertex, std::size_t rank, std::vector<Edge>& edges) {
    out_.clear();
    if (vertex + 1 < data_.side_begin[rank]) out_.push_back({vertex + 1, kProgramEdge});
    const std::size_t begin = data_.op_begin.empty() ? vertex : data_.op_begin[vertex];
    const std::size_t end = data_.op_begin.empty() ? vertex + 1 : data_.op_begin[vertex + 1];
    for (std::size_t op = begin; op < end; ++op) {
      OutEdge edge = consumer_of(data_.ops[op]);
      edge.op = data_.ops[op];
      if (edge.target != kNoVertex && !is_implied(vertex, edge)) out_.push_back(edge);
    }
    for (; next_copy_ < copies_.size() && copies_[next_copy_].source == vertex; ++next_copy_)
      out_.push_back(edge_of(copies_[next_copy_]));
    add_bucket_edges(vertex, data_.rank_begin[rank + 1]);
    std::sort(out_.begin(), out_.end(), [](OutEdge a, OutEdge b) {
      return a.target != b.target ? a.target < b.target : a.kind < b.kind;
    });
    for (const OutEdge& edge : out_) {
      note(edge, static_cast<EdgeId>(edges.size()));
      edges.emplace_back(vertex, edge.target);
      data_.edge_classes.push_back(edge.kind);
    }
  }

  void add_bucket_edges(VertexId vertex, VertexId rank_end) {
    bucket_edges_.clear();
    side_.edges_of(vertex, rank_end, bucket_edges_);
    for (const BucketEdge edge : bucket_edges_)
      out_.push_back({edge.target, edge.parts > 0 ? kPartEdge : kDataEdge, {}, nullptr, edge});
  }

  void note(const OutEdge& edge, EdgeId id) {
    if (edge.copy != nullptr) data_.copies.push_back({id, edge.copy->op});
    if (edge.kind == kPartEdge) data_.part_edges.push_back({id, edge.bucket.part, edge.bucket.parts});
    if (is_program() && is_transfer(edge.kind) && edge.copy == nullptr) note_edge(edge.op, id);
  }

  void note_edge(Op op, EdgeId edge) {
    auto& table = op.kind == OpKind::Forward ? forward_edges_ : gradient_edges_;
    table[slot(index(op.stage), index(op.micro_batch))] = edge;
  }

  // Program order already says it, unless the order is upside down: that edge closes the cycle of a deadlock.
  static bool is_implied(VertexId vertex, OutEdge edge) {
    return edge.kind == kDataEdge && edge.target > vertex;
  }

  // The one op of another stage that waits for this one.
  [[nodiscard]] OutEdge consumer_of(Op op) const {
    const std::size_t stage = index(op.stage);
    const std::size_t micro_batch = index(op.micro_batch);
    const std::uint32_t direction = schedule_.direction(op.micro_batch);
    if (op.kind == OpKind::Forward && stage + 1 < schedule_.stages()) {
      return {forward_at_[slot(stage + 1, micro_batch)], schedule_.is_token_step(op.micro_batch)
                                                             ? transfers_.decode(direction, stage)
                                                             : transfers_.forward(direction, stage)};
    }
    if (op.kind == OpKind::Forward && schedule_.requests > 0 &&
        micro_batch + schedule_.requests < schedule_.micro_batches) {
      return {forward_at_[slot(0, micro_batch + schedule_.requests)], transfers_.decode(direction, stage)};
    }
    if (needs_gradient(op.kind) && stage > 0) {
      return {gradient_at_[slot(stage - 1, micro_batch)], transfers_.backward(direction, stage)};
    }
    return {kNoVertex, kDataEdge};
  }

  const Schedule& schedule_;
  const Workload& workload_;
  ProgramStreams streams_;
  RankSpeed speed_;  // of the rank at hand
  LinkSharing links_;
  TransferTable transfers_;
  CollectiveClasses collectives_;
  std::vector<VertexId> forward_at_;     // [S][M] vertex of F
  std::vector<VertexId> gradient_at_;    // [S][M] vertex of B or I
  std::vector<VertexId> last_backward_;  // [S] of the step and rank at hand
  SideStreams side_;
  std::vector<VertexId> vertex_behind_;                 // [ops], and the edges [S][M]: see ProgramPlaces
  std::vector<EdgeId> forward_edges_, gradient_edges_;  // only where sends are part of the program
  std::vector<OutEdge> out_;                            // of the vertex at hand, and
  std::vector<BucketEdge> bucket_edges_;                // those of buckets
  std::vector<Copy> copies_;                            // EVICT and LOAD, by source
  std::size_t open_evictions_ = 0;                      // whose forward has not been placed
  std::size_t next_copy_ = 0;                           // the first one behind the vertex at hand
  OpGraph::Data data_;
};

}  // namespace

OpGraph::Data make_graph_data(const Schedule& schedule, const Workload& workload, Communication communication,
                              ProgramStreams streams, const LinkSharing& links) {
  PPSIM_ASSERT(workload.stages.size() == schedule.stages(),
               fmt::format("{} costs for {} stages", workload.stages.size(), schedule.stages()));
  constexpr std::size_t kMostOps = std::numeric_limits<VertexId>::max() / 4;
  if (schedule.ops.size() > kMostOps) {
    throw Error("", fmt::format("{} ops, expected at most {}", schedule.ops.size(), kMostOps));
  }
  return GraphBuilder(schedule, workload, communication, streams, links).build();
}

OpGraph build_graph(const Schedule& schedule, const Workload& workload, Communication communication,
                    ProgramStreams streams, const LinkSharing& links) {
  OpGraph::Data data = make_graph_data(schedule, workload, communication, streams, links);
  drop_unshared(data);
  return OpGraph(std::make_shared<const OpGraph::Data>(std::move(data)));
}

}  // namespace ppsim
