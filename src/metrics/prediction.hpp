/// How far a predicted timeline is from measured ones of the same graph.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ppsim/core/op.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/metrics/gaps.hpp"
#include "ppsim/metrics/report.hpp"
#include "ppsim/metrics/runs.hpp"

namespace ppsim {

/// predicted / measured - 1: below zero where more was measured. Nothing where only `measured` is zero.
[[nodiscard]] std::optional<double> relative_error(Time predicted, Time measured);

/// What durations came to, of all members of a class in all steps. Percentiles by nearest rank.
struct DurationErrors {
  std::uint64_t count = 0;  ///< members x steps
  Time predicted{};         ///< median
  Time measured{};          ///< median
  Time measured_p95{};
  std::optional<double> mape;  ///< mean of |relative_error|, one by one; empty: all measured were zero
};

/// Actions of a rank with the same kinds and stages.
struct OpErrors {
  std::vector<Op> ops;  ///< one, or a pair; their micro-batches mean nothing
  Rank rank{};
  DurationErrors durations;
};

/// Transfers of a class: from their first byte to their arrival.
struct TransferErrors {
  std::uint32_t transfer_class = 0;  ///< into OpGraph::transfer_classes()
  DurationErrors durations;
};

/// A gap of list_gaps(). `measured`: the median over the steps.
struct GapErrors {
  Gap gap;  ///< as predicted; its cause as measured where the measured one is longer
  Time measured{};
};

/// An action, or a gap, by how long it lasted. `measured`: the median over the steps.
struct Deviation {
  bool is_gap = false;
  Rank rank{};
  VertexId vertex = kNoVertex;  ///< the action, or the one behind the gap; kNoVertex: none is
  IdleCause cause{};            ///< gaps only
  Time predicted{}, measured{};
};

struct PredictionErrors {
  std::vector<OpErrors> ops;              ///< by kind, stage, rank
  std::vector<TransferErrors> transfers;  ///< by class; those that the graph uses
  std::vector<GapErrors> gaps;            ///< as list_gaps() has them
  std::optional<double> op_mape;          ///< of all actions in all steps
  std::optional<double> step_mape;        ///< of all steps' makespans
  std::vector<Deviation> worst;           ///< by how many ns they are off, at most kWorst, none of zero
};
inline constexpr std::size_t kWorst = 10;

/// `steps`: at least one; `shown`: the one whose gaps lend their causes. O(steps x (V + E) log V).
[[nodiscard]] PredictionErrors measure_errors(const OpGraph& graph, const Timeline& predicted,
                                              std::span<const Timeline> steps, std::size_t shown);

/// What each action lasted in a timeline: [vertices].
[[nodiscard]] std::vector<Time> durations_of(const Timeline& timeline);

/// The same, but each as long as those of its class (kinds, stages, rank) are in the mean, rounded half up:
/// together they are as long as before.
[[nodiscard]] std::vector<Time> mean_durations_of(const OpGraph& graph, const Timeline& timeline);

/// Why a measured makespan is not the predicted one. Each is the makespan of the graph with other durations.
struct StepBreakdown {
  Time predicted{};
  Time mean_costs{};  ///< simulated, with mean_durations_of() the measured step
  Time own_costs{};   ///< simulated, with durations_of() the measured step: what spread costs on the way
  Time measured{};    ///< and what no duration of an op explains: transfers, waiting
};

struct Prediction {
  Report predicted;
  Report measured;                   ///< of the step of median makespan
  std::vector<StepFigures> steps;    ///< all that were measured
  std::size_t shown = 0;             ///< which of them `measured` is
  std::optional<RunsReport> spread;  ///< of several
  PredictionErrors errors;
  StepBreakdown breakdown;

  /// Of the makespan.
  [[nodiscard]] std::optional<double> step_error() const {
    return relative_error(predicted.makespan, measured.makespan);
  }
};

}  // namespace ppsim
