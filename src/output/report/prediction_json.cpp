#include <fmt/format.h>

#include <string>

#include "output/labels.hpp"
#include "output/report/prediction_text.hpp"
#include "output/report_document.hpp"
#include "text/json_text.hpp"

namespace ppsim {
namespace {

Json number_or_null(const std::optional<double>& number) {
  return number ? Json(*number) : Json(nullptr);
}

Json make_pair(Time predicted, Time measured) {
  return {{"predicted_ns", predicted.count()},
          {"measured_ns", measured.count()},
          {"error", number_or_null(relative_error(predicted, measured))}};
}

Json make_durations(const DurationErrors& durations) {
  return {{"count", durations.count},
          {"predicted_ns", durations.predicted.count()},
          {"measured_ns", durations.measured.count()},
          {"measured_p95_ns", durations.measured_p95.count()},
          {"error", number_or_null(relative_error(durations.predicted, durations.measured))},
          {"mape", number_or_null(durations.mape)}};
}

Json make_op(Op op, bool with_micro_batch) {
  Json json = {{"kind", std::string(name(op.kind))}, {"stage", index(op.stage)}};
  if (with_micro_batch && has_micro_batch(op.kind)) json["micro_batch"] = index(op.micro_batch);
  return json;
}

Json make_ops(std::span<const Op> ops, bool with_micro_batch) {
  Json list = Json::array();
  for (const Op op : ops) list.push_back(make_op(op, with_micro_batch));
  return list;
}

Json make_op_classes(const Prediction& prediction) {
  Json list = Json::array();
  for (const OpErrors& errors : prediction.errors.ops) {
    Json row = {{"ops", make_ops(errors.ops, false)}, {"rank", index(errors.rank)}};
    row.update(make_durations(errors.durations));
    list.push_back(std::move(row));
  }
  return list;
}

Json make_transfers(const Prediction& prediction, const OpGraph& graph) {
  Json list = Json::array();
  for (const TransferErrors& errors : prediction.errors.transfers) {
    const TransferClass& kind = graph.transfer_classes()[errors.transfer_class];
    Json row = {{"from", index(kind.from)}, {"to", index(kind.to)}, {"bytes", kind.bytes.count()}};
    row.update(make_durations(errors.durations));
    list.push_back(std::move(row));
  }
  return list;
}

// The ops in front of which a gap lies; null: behind a rank's last one.
Json make_before(const OpGraph& graph, VertexId vertex) {
  return vertex == kNoVertex ? Json(nullptr) : make_ops(graph.ops(vertex), true);
}

Json make_gaps(const Prediction& prediction, const OpGraph& graph) {
  Json list = Json::array();
  for (const GapErrors& errors : prediction.errors.gaps) {
    const Gap& gap = errors.gap;
    if (gap.length == Time{} && errors.measured == Time{}) continue;
    list.push_back({{"rank", index(gap.rank)},
                    {"before", make_before(graph, gap.before)},
                    {"cause", std::string(name(gap.cause))},
                    {"predicted_ns", gap.length.count()},
                    {"measured_ns", errors.measured.count()}});
  }
  return list;
}

Json make_worst(const Prediction& prediction, const OpGraph& graph) {
  Json list = Json::array();
  for (const Deviation& deviation : prediction.errors.worst) {
    Json row = {{"rank", index(deviation.rank)}};
    row[deviation.is_gap ? "before" : "ops"] = make_before(graph, deviation.vertex);
    if (deviation.is_gap) row["cause"] = std::string(name(deviation.cause));
    row["predicted_ns"] = deviation.predicted.count();
    row["measured_ns"] = deviation.measured.count();
    list.push_back(std::move(row));
  }
  return list;
}

Json make_steps(const Prediction& prediction) {
  Json list = Json::array();
  for (const StepFigures& step : prediction.steps) {
    Json row = make_pair(prediction.predicted.makespan, step.makespan);
    row["measured_bubble_fraction"] = step.bubble_fraction;
    list.push_back(std::move(row));
  }
  return list;
}

Json make_rank_prediction(std::size_t rank, const RankReport& predicted, const RankReport& measured) {
  return {{"rank", rank},
          {"busy", make_pair(predicted.bubbles.busy, measured.bubbles.busy)},
          {"idle", make_pair(predicted.bubbles.idle, measured.bubbles.idle)},
          {"predicted_peak_activation_bytes", predicted.peak_activation.count()},
          {"measured_peak_activation_bytes", measured.peak_activation.count()},
          {"predicted_peak_memory_bytes", predicted.peak_memory.count()},
          {"measured_peak_memory_bytes", measured.peak_memory.count()}};
}

Json make_ranks(const Prediction& prediction) {
  Json list = Json::array();
  for (std::size_t rank = 0; rank < prediction.predicted.per_rank.size(); ++rank)
    list.push_back(
        make_rank_prediction(rank, prediction.predicted.per_rank[rank], prediction.measured.per_rank[rank]));
  return list;
}

Json make_cause_pairs(const Prediction& prediction) {
  Json causes = Json::object();
  for (std::size_t i = 0; i < kIdleCauses; ++i) {
    Time predicted{}, measured{};
    for (const RankReport& rank : prediction.predicted.per_rank) predicted += rank.bubbles.idle_by_cause[i];
    for (const RankReport& rank : prediction.measured.per_rank) measured += rank.bubbles.idle_by_cause[i];
    causes[std::string(name(static_cast<IdleCause>(i)))] = {{"predicted_ns", predicted.count()},
                                                            {"measured_ns", measured.count()}};
  }
  return causes;
}

Json make_step(const Prediction& prediction) {
  Json step = make_pair(prediction.predicted.makespan, prediction.measured.makespan);
  step["predicted_bubble_fraction"] = prediction.predicted.bubble_fraction;
  step["measured_bubble_fraction"] = prediction.measured.bubble_fraction;
  step["index"] = prediction.shown;
  return step;
}

Json make_breakdown(const StepBreakdown& breakdown) {
  return {{"predicted", breakdown.predicted.count()},
          {"mean_costs", (breakdown.mean_costs - breakdown.predicted).count()},
          {"spread", (breakdown.own_costs - breakdown.mean_costs).count()},
          {"not_modelled", (breakdown.measured - breakdown.own_costs).count()},
          {"measured", breakdown.measured.count()}};
}

}  // namespace

std::string prediction_json(const Prediction& prediction, const OpGraph& graph, const Config& config,
                            const PredictionSources& sources) {
  Json document = make_document_head(config);
  document["predicted"] = sources.predicted;
  document["measured"] = sources.measured;
  document["step"] = make_step(prediction);
  document["breakdown_ns"] = make_breakdown(prediction.breakdown);
  document["op_mape"] = number_or_null(prediction.errors.op_mape);
  document["step_mape"] = number_or_null(prediction.errors.step_mape);
  document["steps"] = make_steps(prediction);
  document["ops"] = make_op_classes(prediction);
  document["transfers"] = make_transfers(prediction, graph);
  document["idle_by_cause_ns"] = make_cause_pairs(prediction);
  document["ranks"] = make_ranks(prediction);
  document["worst"] = make_worst(prediction, graph);
  document["gaps"] = make_gaps(prediction, graph);
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ppsim
