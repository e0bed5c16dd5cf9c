#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "output/labels.hpp"
#include "output/report/prediction_text.hpp"
#include "text/quantity.hpp"
#include "text/table.hpp"

namespace ppsim {
namespace {

// A terminal shows about this many rows; JSON has them all.
constexpr std::size_t kMostPredictionRows = 32;

std::string signed_time(Time time) {
  return fmt::format("{}{}", time < Time{} ? "-" : "+", format_time(std::chrono::abs(time)));
}

std::string error_text(const std::optional<double>& error) {
  return error ? fmt::format("{:+.1f} %", 100 * *error) : "-";
}

std::string mape_text(const std::optional<double>& mape) {
  return mape ? percent(*mape) : "-";
}

// The first rows, with a line behind them where others are left out.
std::string head_of_table(const Table& table, std::size_t shown, std::size_t rows, std::string_view noun) {
  std::string text = table.text();
  if (rows > shown) text += fmt::format("{} left out; --json has all\n", counted(rows - shown, noun));
  return text + "\n";
}

std::string figures_table(const Prediction& prediction) {
  const Report& predicted = prediction.predicted;
  const Report& measured = prediction.measured;
  Table table({{"", Align::Left}, {"predicted"}, {"measured"}, {"error"}});
  table.add_row({predicted.steps > 1 ? counted(predicted.steps, "step") : "step time",
                 format_time(predicted.makespan), format_time(measured.makespan),
                 error_text(prediction.step_error())});
  table.add_row(
      {"bubble fraction", percent(predicted.bubble_fraction), percent(measured.bubble_fraction), ""});
  table.add_row(
      {"peak memory", format_bytes(predicted.peak_memory()), format_bytes(measured.peak_memory()), ""});
  return table.text() + "\n";
}

std::string breakdown_table(const StepBreakdown& breakdown) {
  Table table({{"from one to the other", Align::Left}, {""}, {"", Align::Left}});
  table.add_row({"predicted", format_time(breakdown.predicted), ""});
  table.add_row({"mean costs", signed_time(breakdown.mean_costs - breakdown.predicted),
                 "each op as long as those of its kind and stage were in the mean"});
  table.add_row({"spread", signed_time(breakdown.own_costs - breakdown.mean_costs),
                 "each op as long as itself was: jitter, amplified along the critical path"});
  table.add_row({"not modelled", signed_time(breakdown.measured - breakdown.own_costs),
                 "transfers and waiting that the simulation does not have"});
  table.add_row({"measured", format_time(breakdown.measured), ""});
  return table.text() + "\n";
}

std::string steps_table(const Prediction& prediction) {
  if (prediction.steps.size() == 1) return "";
  Table table({{"step"}, {"predicted"}, {"measured"}, {"error"}, {"bubble fraction"}, {"", Align::Left}});
  const std::size_t rows = prediction.steps.size(), shown = std::min(rows, kMostPredictionRows);
  for (std::size_t i = 0; i < shown; ++i) {
    const StepFigures& step = prediction.steps[i];
    const Time predicted = prediction.predicted.makespan;
    table.add_row({std::to_string(i), format_time(predicted), format_time(step.makespan),
                   error_text(relative_error(predicted, step.makespan)), percent(step.bubble_fraction),
                   i == prediction.shown ? "shown" : ""});
  }
  std::string text = head_of_table(table, shown, rows, "step");
  text.insert(text.size() - 1,
              fmt::format("MAPE of the steps: {}\n", mape_text(prediction.errors.step_mape)));
  return text;
}

void add_durations(std::vector<std::string>& cells, const DurationErrors& durations) {
  cells.push_back(std::to_string(durations.count));
  cells.push_back(format_time(durations.predicted));
  cells.push_back(format_time(durations.measured));
  cells.push_back(format_time(durations.measured_p95));
  cells.push_back(error_text(relative_error(durations.predicted, durations.measured)));
  cells.push_back(mape_text(durations.mape));
}

Table make_durations_table(std::vector<Table::Column> columns) {
  for (const char* title : {"count", "predicted", "measured", "p95", "error", "MAPE"})
    columns.push_back({title});
  return Table(std::move(columns));
}

// "F", or "F+B" of a pair.
template <class Text>
std::string joined(std::span<const Op> ops, Text text) {
  std::string all;
  for (const Op op : ops) all += fmt::format("{}{}", all.empty() ? "" : "+", text(op));
  return all;
}

std::string predicted_ops_table(const PredictionErrors& errors) {
  Table table = make_durations_table({{"op", Align::Left}, {"stage"}, {"rank"}});
  const std::size_t shown = std::min(errors.ops.size(), kMostPredictionRows);
  for (std::size_t i = 0; i < shown; ++i) {
    const OpErrors& row = errors.ops[i];
    std::vector<std::string> cells = {joined(row.ops, [](Op op) { return std::string(name(op.kind)); }),
                                      joined(row.ops, [](Op op) { return std::to_string(index(op.stage)); }),
                                      std::to_string(index(row.rank))};
    add_durations(cells, row.durations);
    table.add_row(std::move(cells));
  }
  std::string text = head_of_table(table, shown, errors.ops.size(), "row");
  text.insert(text.size() - 1, fmt::format("MAPE of all ops: {}\n", mape_text(errors.op_mape)));
  return text;
}

std::string predicted_transfers_table(const PredictionErrors& errors, const OpGraph& graph) {
  if (errors.transfers.empty()) return "";
  Table table = make_durations_table({{"transfer", Align::Left}, {"size"}});
  const std::size_t shown = std::min(errors.transfers.size(), kMostPredictionRows);
  for (std::size_t i = 0; i < shown; ++i) {
    const TransferClass& kind = graph.transfer_classes()[errors.transfers[i].transfer_class];
    std::vector<std::string> cells = {fmt::format("rank {} -> rank {}", index(kind.from), index(kind.to)),
                                      format_bytes(kind.bytes)};
    add_durations(cells, errors.transfers[i].durations);
    table.add_row(std::move(cells));
  }
  return head_of_table(table, shown, errors.transfers.size(), "row");
}

std::string causes_table(const Prediction& prediction) {
  Table table({{"idle by cause, all ranks", Align::Left}, {"predicted"}, {"measured"}, {"difference"}});
  const auto add = [&](std::string_view label, auto time_of) {
    Time predicted{}, measured{};
    for (const RankReport& rank : prediction.predicted.per_rank) predicted += time_of(rank.bubbles);
    for (const RankReport& rank : prediction.measured.per_rank) measured += time_of(rank.bubbles);
    if (predicted == Time{} && measured == Time{}) return;
    table.add_row({std::string(label), format_time(predicted), format_time(measured),
                   signed_time(measured - predicted)});
  };
  for (std::size_t i = 0; i < kIdleCauses; ++i)
    add(name(static_cast<IdleCause>(i)), [i](const RankBubbles& rank) { return rank.idle_by_cause[i]; });
  add("sum", [](const RankBubbles& rank) { return rank.idle; });
  return table.text() + "\n";
}

std::vector<std::string> rank_row(std::size_t rank, const Report& predicted, const Report& measured) {
  const RankReport& expected = predicted.per_rank[rank];
  const RankReport& found = measured.per_rank[rank];
  return {std::to_string(rank),
          format_time(expected.bubbles.busy),
          format_time(found.bubbles.busy),
          format_time(expected.bubbles.idle),
          format_time(found.bubbles.idle),
          format_bytes(expected.peak_activation),
          format_bytes(found.peak_activation),
          format_bytes(expected.peak_memory),
          format_bytes(found.peak_memory)};
}

std::string ranks_table(const Prediction& prediction) {
  Table table({{"rank"},
               {"busy"},
               {"measured"},
               {"idle"},
               {"measured"},
               {"peak activation"},
               {"measured"},
               {"peak memory"},
               {"measured"}});
  const std::size_t ranks = prediction.predicted.per_rank.size(),
                    shown = std::min(ranks, kMostPredictionRows);
  for (std::size_t rank = 0; rank < shown; ++rank)
    table.add_row(rank_row(rank, prediction.predicted, prediction.measured));
  return head_of_table(table, shown, ranks, "rank");
}

std::string place_of(const Deviation& deviation, const OpGraph& graph, const ChunkIndex& chunks) {
  if (deviation.vertex == kNoVertex) return "gap behind the last op";
  const std::string action = action_name(graph.ops(deviation.vertex), deviation.rank, chunks);
  return deviation.is_gap ? "gap before " + action : action;
}

std::string worst_table(const PredictionErrors& errors, const OpGraph& graph) {
  if (errors.worst.empty()) return "no op and no gap is off\n";
  const ChunkIndex chunks(graph);
  Table table({{"furthest off", Align::Left},
               {"rank"},
               {"predicted"},
               {"measured"},
               {"difference"},
               {"cause", Align::Left}});
  for (const Deviation& deviation : errors.worst) {
    table.add_row({place_of(deviation, graph, chunks), std::to_string(index(deviation.rank)),
                   format_time(deviation.predicted), format_time(deviation.measured),
                   signed_time(deviation.measured - deviation.predicted),
                   deviation.is_gap ? std::string(name(deviation.cause)) : ""});
  }
  return table.text();
}

std::string prediction_title(const Prediction& prediction, const PredictionSources& sources) {
  const Report& report = prediction.predicted;
  std::string text = fmt::format("{}: {}, {}, {}; predicted: {}; measured: {}", report.schedule,
                                 counted(report.ranks, "rank"), counted(report.stages, "stage"),
                                 work_text(report), sources.predicted, sources.measured);
  if (prediction.steps.size() > 1)
    text += fmt::format(", {}, figures of the median one", counted(prediction.steps.size(), "step"));
  return text + "\n\n";
}

}  // namespace

std::string prediction_table(const Prediction& prediction, const OpGraph& graph,
                             const PredictionSources& sources) {
  return prediction_title(prediction, sources) + figures_table(prediction) +
         breakdown_table(prediction.breakdown) + steps_table(prediction) +
         predicted_ops_table(prediction.errors) + predicted_transfers_table(prediction.errors, graph) +
         causes_table(prediction) + ranks_table(prediction) + worst_table(prediction.errors, graph);
}

}  // namespace ppsim
