#include "metrics/step_samples.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "ppsim/core/error.hpp"
#include "ppsim/metrics/runs.hpp"

namespace ppsim {
namespace {

constexpr std::array<std::optional<OpKind>, kCostKinds> kOpKindOf = {
    OpKind::Forward,         OpKind::Backward,     OpKind::InputGrad, OpKind::WeightGrad,
    OpKind::Recompute,       std::nullopt,         std::nullopt,      OpKind::GradientReduction,
    OpKind::ParameterGather, OpKind::OptimizerStep};

CostKind cost_kind(const Schedule& schedule, std::span<const Op> ops) {
  if (ops.size() > 1) return CostKind::Pair;
  const Op op = ops.front();
  if (op.kind == OpKind::Forward && schedule.is_token_step(op.micro_batch)) return CostKind::TokenStep;
  const auto found = std::find(kOpKindOf.begin(), kOpKindOf.end(), op.kind);
  PPSIM_ASSERT(found != kOpKindOf.end(), "no such cost");
  return static_cast<CostKind>(found - kOpKindOf.begin());
}

class StepSampler {
 public:
  StepSampler(const Schedule& schedule, const Network& network, const OpGraph& graph,
              const Timeline& timeline)
      : schedule_(schedule), network_(network), graph_(graph), timeline_(timeline) {}

  StepSamples take() && {
    for (std::uint32_t rank = 0; rank < graph_.rank_count(); ++rank) add_ops(rank);
    for (auto& [key, sample] : once_) result_.ops.push_back(sample);
    add_transfers();
    result_.makespan = measure_step(graph_, timeline_).makespan;
    return std::move(result_);
  }

 private:
  void add_ops(std::uint32_t rank) {
    const VertexId first = graph_.rank_begin()[rank];
    for (VertexId v = first; v < graph_.rank_begin()[rank + 1]; ++v) {
      const std::span<const Op> ops = graph_.ops(v);
      OpSample sample{cost_kind(schedule_, ops),
                      schedule_.stages(),
                      ops.front().stage,
                      graph_.durations()[v],
                      timeline_.finish[v] - timeline_.start[v],
                      Time{}};
      if (!is_pass(sample.kind)) {
        add_once(rank, sample);
        continue;
      }
      if (graph_.communication() != Communication::Blocking) sample.gap = gap_before(v, v > first);
      result_.ops.push_back(sample);
    }
  }

  void add_once(std::uint32_t rank, const OpSample& sample) {
    const auto [place, is_new] = once_.try_emplace({rank, sample.kind, sample.stage}, sample);
    if (is_new) return;
    place->second.modelled += sample.modelled;
    place->second.span += sample.span;
  }

  // What comes first on its rank and needs nothing starts when the step does.
  [[nodiscard]] Time gap_before(VertexId v, bool has_previous) const {
    Time ready = Time::min();
    if (has_previous) ready = timeline_.finish[v - 1];
    for (const GraphEdge edge : graph_.in_edges(v))
      if (is_transfer(edge.kind)) ready = std::max(ready, timeline_.transfer_finish[edge.id]);
    return ready == Time::min() ? Time{} : std::max(timeline_.start[v] - ready, Time{});
  }

  void add_transfers() {
    for (EdgeId edge = 0; edge < graph_.edge_count(); ++edge)
      if (graph_.transfer(edge) != nullptr) list_on_links(edge);
    find_alone();
    for (const auto& [edge, alone] : alone_)
      if (!is_copy_edge(edge)) add_transfer(edge, alone);
  }

  [[nodiscard]] const TransferClass& class_of(EdgeId edge) const { return *graph_.transfer(edge); }

  [[nodiscard]] bool is_copy_edge(EdgeId edge) const {
    const auto copies = graph_.copies();
    const auto found = std::lower_bound(copies.begin(), copies.end(), edge,
                                        [](const CopyEdge& copy, EdgeId id) { return copy.edge < id; });
    return found != copies.end() && found->edge == edge;
  }

  void list_on_links(EdgeId edge) {
    alone_[edge] = true;
    for (const LinkShare& share : class_of(edge).shares) on_links_[share.link].push_back(edge);
  }

  // Each link's transfers by departure: one meets an earlier one that has not arrived, or the next.
  void find_alone() {
    for (auto& [link, edges] : on_links_) {
      std::stable_sort(edges.begin(), edges.end(), [&](EdgeId a, EdgeId b) {
        return timeline_.transfer_start[a] < timeline_.transfer_start[b];
      });
      EdgeId last = edges.front();  // of those before, the one that arrives last
      for (std::size_t i = 1; i < edges.size(); ++i) {
        if (timeline_.transfer_start[edges[i]] < timeline_.transfer_finish[last])
          alone_[edges[i]] = alone_[last] = false;
        if (timeline_.transfer_finish[edges[i]] > timeline_.transfer_finish[last]) last = edges[i];
      }
    }
  }

  void add_transfer(EdgeId edge, bool alone) {
    const TransferClass& kind = class_of(edge);
    const Time departure = timeline_.transfer_start[edge], arrival = timeline_.transfer_finish[edge];
    result_.transfers.push_back({crosses_nodes(kind.from, kind.to), kind.bytes, kind.transmission,
                                 kind.latency, arrival - departure, alone,
                                 !runs_between(kind.to, departure, arrival)});
  }

  bool crosses_nodes(Rank from, Rank to) {
    const auto [place, is_new] = crosses_.try_emplace({from, to}, false);
    if (is_new) place->second = network_.route(from, to).crosses_nodes;
    return place->second;
  }

  // Ops of a rank's program run one after the other.
  [[nodiscard]] bool runs_between(Rank rank, Time begin, Time end) const {
    const auto first = timeline_.finish.begin() + graph_.rank_begin()[index(rank)];
    const auto last = timeline_.finish.begin() + graph_.side_begin()[index(rank)];
    const auto op = std::upper_bound(first, last, begin);
    return op != last && timeline_.start[static_cast<std::size_t>(op - timeline_.finish.begin())] < end;
  }

  const Schedule& schedule_;
  const Network& network_;
  const OpGraph& graph_;
  const Timeline& timeline_;
  StepSamples result_;
  std::map<std::tuple<std::uint32_t, CostKind, Stage>, OpSample> once_;
  std::map<EdgeId, bool> alone_;  // every transfer
  std::map<LinkId, std::vector<EdgeId>> on_links_;
  std::map<std::pair<Rank, Rank>, bool> crosses_;
};

}  // namespace

std::optional<OpKind> op_kind(CostKind kind) {
  return kOpKindOf[static_cast<std::size_t>(kind)];
}

std::string_view name(CostKind kind) {
  if (const auto op = op_kind(kind)) return name(*op);
  return kind == CostKind::Pair ? "F+B" : "F of a token step";
}

StepSamples sample_step(const Schedule& schedule, const Network& network, const OpGraph& graph,
                        const Timeline& timeline) {
  return StepSampler(schedule, network, graph, timeline).take();
}

}  // namespace ppsim
