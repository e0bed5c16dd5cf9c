#include "metrics/prediction.hpp"

#include <algorithm>
#include <cmath>
#include <compare>
#include <map>
#include <tuple>
#include <utility>

#include "core/int128.hpp"
#include "metrics/nearest_rank.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

/// Kinds and stages of an action, and its rank.
struct ClassKey {
  struct Part {
    OpKind kind{};
    Stage stage{};
    friend auto operator<=>(const Part&, const Part&) = default;
  };
  std::vector<Part> parts;
  Rank rank{};

  friend auto operator<=>(const ClassKey& a, const ClassKey& b) {
    return std::tie(a.parts, a.rank) <=> std::tie(b.parts, b.rank);
  }
};

using Members = std::vector<std::uint32_t>;  // VertexId or EdgeId

std::map<ClassKey, Members> group_vertices(const OpGraph& graph) {
  std::map<ClassKey, Members> classes;
  for (std::uint32_t rank = 0; rank < graph.rank_count(); ++rank) {
    for (VertexId v = graph.rank_begin()[rank]; v < graph.rank_begin()[rank + 1]; ++v) {
      ClassKey key{{}, Rank{rank}};
      for (const Op op : graph.ops(v)) key.parts.push_back({op.kind, op.stage});
      classes[key].push_back(v);
    }
  }
  return classes;
}

std::map<std::uint32_t, Members> group_transfers(const OpGraph& graph) {
  std::map<std::uint32_t, Members> classes;
  for (EdgeId edge = 0; edge < graph.edge_count(); ++edge) {
    const EdgeClass kind = graph.edge_class(edge);
    if (is_transfer(kind)) classes[kind].push_back(edge);
  }
  return classes;
}

/// The mean of |relative_error|, as far as there is one.
class MeanError {
 public:
  void add(Time predicted, Time measured) {
    const auto error = relative_error(predicted, measured);
    if (!error) return;
    sum_ += std::abs(*error);
    ++count_;
  }
  void add(const MeanError& other) {
    sum_ += other.sum_;
    count_ += other.count_;
  }
  [[nodiscard]] std::optional<double> mean() const {
    return count_ == 0 ? std::nullopt : std::optional(sum_ / static_cast<double>(count_));
  }

 private:
  double sum_ = 0;
  std::uint64_t count_ = 0;
};

/// Start and finish of vertices, or of transfers.
struct Columns {
  const std::vector<Time>* start;
  const std::vector<Time>* finish;

  [[nodiscard]] Time duration(std::uint32_t id) const { return (*finish)[id] - (*start)[id]; }
};

Columns vertices_of(const Timeline& timeline) {
  return {&timeline.start, &timeline.finish};
}

Columns transfers_of(const Timeline& timeline) {
  return {&timeline.transfer_start, &timeline.transfer_finish};
}

using ColumnsOf = Columns (*)(const Timeline&);

DurationErrors duration_errors(const Members& members, const Timeline& predicted,
                               std::span<const Timeline> steps, ColumnsOf columns_of, MeanError& all) {
  std::vector<Time> expected, found;
  MeanError mean;
  for (const std::uint32_t id : members) {
    expected.push_back(columns_of(predicted).duration(id));
    for (const Timeline& step : steps) {
      found.push_back(columns_of(step).duration(id));
      mean.add(expected.back(), found.back());
    }
  }
  all.add(mean);
  return {found.size(), nearest_rank(expected, 50), nearest_rank(found, 50), nearest_rank(found, 95),
          mean.mean()};
}

std::vector<Op> ops_of(const ClassKey& key) {
  std::vector<Op> ops;
  for (const ClassKey::Part part : key.parts) ops.push_back({part.kind, false, part.stage, {}});
  return ops;
}

Time makespan_of(const OpGraph& graph, const Timeline& timeline) {
  return measure_step(graph, timeline).makespan;
}

std::vector<GapErrors> gap_errors(const OpGraph& graph, const Timeline& predicted,
                                  std::span<const Timeline> steps, std::size_t shown) {
  std::vector<std::vector<Gap>> measured;
  for (const Timeline& step : steps) measured.push_back(list_gaps(graph, step));
  std::vector<GapErrors> errors;
  std::vector<Time> lengths(steps.size());
  for (const Gap& gap : list_gaps(graph, predicted)) {
    const std::size_t i = errors.size();
    for (std::size_t step = 0; step < steps.size(); ++step) lengths[step] = measured[step][i].length;
    errors.push_back({gap, nearest_rank(lengths, 50)});
    const Gap& seen = measured[shown][i];
    if (errors.back().measured > gap.length && seen.length > Time{}) errors.back().gap.cause = seen.cause;
  }
  return errors;
}

Time off_by(const Deviation& deviation) {
  return std::chrono::abs(deviation.predicted - deviation.measured);
}

void keep_worst(std::vector<Deviation>& all) {
  std::erase_if(all, [](const Deviation& deviation) { return off_by(deviation) == Time{}; });
  const auto worse = [](const Deviation& a, const Deviation& b) {
    return std::tuple(off_by(b), a.rank, a.vertex, a.is_gap) <
           std::tuple(off_by(a), b.rank, b.vertex, b.is_gap);
  };
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(kWorst, all.size()));
  std::partial_sort(all.begin(), end, all.end(), worse);
  all.erase(end, all.end());
}

std::vector<Deviation> find_worst(const OpGraph& graph, const Timeline& predicted,
                                  std::span<const Timeline> steps, const std::vector<GapErrors>& gaps) {
  std::vector<Deviation> all;
  std::vector<Time> found(steps.size());
  for (std::uint32_t rank = 0; rank < graph.rank_count(); ++rank) {
    for (VertexId v = graph.rank_begin()[rank]; v < graph.rank_begin()[rank + 1]; ++v) {
      for (std::size_t i = 0; i < steps.size(); ++i) found[i] = vertices_of(steps[i]).duration(v);
      all.push_back({false, Rank{rank}, v, {}, vertices_of(predicted).duration(v), nearest_rank(found, 50)});
    }
  }
  for (const GapErrors& error : gaps) {
    const Gap& gap = error.gap;
    all.push_back({true, gap.rank, gap.before, gap.cause, gap.length, error.measured});
  }
  keep_worst(all);
  return all;
}

}  // namespace

std::optional<double> relative_error(Time predicted, Time measured) {
  if (predicted == measured) return 0.0;
  if (measured == Time{}) return std::nullopt;
  return static_cast<double>((predicted - measured).count()) / static_cast<double>(measured.count());
}

PredictionErrors measure_errors(const OpGraph& graph, const Timeline& predicted,
                                std::span<const Timeline> steps, std::size_t shown) {
  PPSIM_ASSERT(shown < steps.size(), "no measured step");
  PredictionErrors errors;
  MeanError ops, transfers, makespans;
  for (const auto& [key, members] : group_vertices(graph)) {
    errors.ops.push_back(
        {ops_of(key), key.rank, duration_errors(members, predicted, steps, vertices_of, ops)});
  }
  for (const auto& [kind, members] : group_transfers(graph)) {
    errors.transfers.push_back({kind, duration_errors(members, predicted, steps, transfers_of, transfers)});
  }
  for (const Timeline& step : steps) makespans.add(makespan_of(graph, predicted), makespan_of(graph, step));
  errors.op_mape = ops.mean();
  errors.step_mape = makespans.mean();
  errors.gaps = gap_errors(graph, predicted, steps, shown);
  errors.worst = find_worst(graph, predicted, steps, errors.gaps);
  return errors;
}

std::vector<Time> durations_of(const Timeline& timeline) {
  std::vector<Time> durations;
  durations.reserve(timeline.start.size());
  for (VertexId v = 0; v < timeline.start.size(); ++v) durations.push_back(vertices_of(timeline).duration(v));
  return durations;
}

std::vector<Time> mean_durations_of(const OpGraph& graph, const Timeline& timeline) {
  std::vector<Time> durations = durations_of(timeline);
  for (const auto& [key, members] : group_vertices(graph)) {
    Int128 sum = 0;
    for (const VertexId v : members) sum += durations[v].count();
    const auto count = static_cast<Int128>(members.size());
    const Time mean(static_cast<Time::rep>((2 * sum + count) / (2 * count)));
    for (const VertexId v : members) durations[v] = mean;
  }
  return durations;
}

}  // namespace ppsim
