#include "ppsim/output/report/model_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "output/labels.hpp"
#include "output/report_document.hpp"
#include "text/json_text.hpp"
#include "text/quantity.hpp"
#include "text/table.hpp"

namespace ppsim {

namespace {

/// A terminal shows about this many stages of the table of memory; JSON has them all.
constexpr std::size_t kMostStages = 64;

// What is not above zero anywhere has no column.
struct ModelColumns {
  bool recompute = false;
  bool backward = false;
  bool activation = false;

  explicit ModelColumns(std::span<const StageTable> tables) {
    for (const StageTable& table : tables) {
      for (const OperatorRow& row : table.rows) {
        recompute = recompute || row.recompute > Seconds(0);
        backward = backward || row.input_grad > Seconds(0);
        activation = activation || row.activation > Bytes(0);
      }
    }
  }
};

Seconds total(const OperatorRow& row) {
  return row.forward + row.recompute + row.input_grad + row.weight_grad;
}

OperatorRow sum_of(const StageTable& table) {
  OperatorRow sum{.name = "sum"};
  for (const OperatorRow& row : table.rows) {
    sum.parameters += row.parameters;
    sum.flops += row.flops;
    sum.activation += row.activation;
    sum.forward += row.forward;
    sum.recompute += row.recompute;
    sum.input_grad += row.input_grad;
    sum.weight_grad += row.weight_grad;
  }
  return sum;
}

// "1234567" parameters as "1.235 M".
std::string in_thousands(double number, std::string_view unit) {
  constexpr std::string_view kPrefixes = " kMGTPE";
  std::size_t prefix = 0;
  while (number >= 1000 && prefix + 1 < kPrefixes.size()) {
    number /= 1000;
    ++prefix;
  }
  if (prefix == 0) return fmt::format("{:.4g}{}{}", number, unit.empty() ? "" : " ", unit);
  return fmt::format("{:.4g} {}{}", number, kPrefixes[prefix], unit);
}

std::string number_or_blank(double number, std::string_view unit = "") {
  return number > 0 ? in_thousands(number, unit) : "";
}

std::string time_or_blank(Seconds time) {
  return time > Seconds(0) ? format_time(to_time(time)) : "";
}

void add_operator(Table& table, const ModelColumns& columns, const OperatorRow& row, Seconds whole) {
  std::vector<std::string> cells = {row.name, row.layers > 0 ? std::to_string(row.layers) : "",
                                    number_or_blank(row.parameters),
                                    number_or_blank(row.flops.count(), "FLOP"), time_or_blank(row.forward)};
  if (columns.recompute) cells.push_back(time_or_blank(row.recompute));
  if (columns.backward) cells.push_back(time_or_blank(row.input_grad));
  if (columns.backward) cells.push_back(time_or_blank(row.weight_grad));
  cells.push_back(whole > Seconds(0) && total(row) > Seconds(0) ? percent(total(row) / whole) : "");
  if (columns.activation) cells.push_back(row.activation > Bytes(0) ? format_bytes(row.activation) : "");
  table.add_row(std::move(cells));
}

std::string operator_table(const StageTable& stage, const ModelColumns& columns) {
  std::vector<Table::Column> titles = {
      {"operator", Align::Left}, {"layers"}, {"parameters"}, {"forward FLOPs"}, {"forward"}};
  if (columns.recompute) titles.push_back({"recompute"});
  if (columns.backward) titles.push_back({"input grad"});
  if (columns.backward) titles.push_back({"weight grad"});
  titles.push_back({"share"});
  if (columns.activation) titles.push_back({"activation"});
  Table table(std::move(titles));
  const OperatorRow sum = sum_of(stage);
  for (const OperatorRow& row : stage.rows) add_operator(table, columns, row, total(sum));
  add_operator(table, columns, sum, total(sum));
  return table.text();
}

// Stages from `first` on with the same rows.
std::size_t count_alike(std::span<const StageTable> tables, std::size_t first) {
  std::size_t count = 1;
  while (first + count < tables.size() && tables[first + count].rows == tables[first].rows) ++count;
  return count;
}

std::string stages_title(std::span<const StageTable> tables, std::size_t first, std::size_t count) {
  const LayerRange begin = tables[first].layers;
  const LayerRange end = tables[first + count - 1].layers;
  const std::string layers =
      fmt::format("layers {}-{}", begin.first + 1, static_cast<std::uint64_t>(end.first) + end.count);
  if (count == 1) return fmt::format("stage {}: {}", first, layers);
  return fmt::format("stages {}-{}, each: {}, {} a stage", first, first + count - 1, layers, begin.count);
}

// What a stage holds, and what it does once a step.
struct MemoryColumn {
  const char* title;
  Bytes StageCosts::*bytes = nullptr;
  OpKind once_a_step{};  ///< where `bytes` is null: whose duration

  [[nodiscard]] std::string cell(const StageCosts& stage) const {
    if (bytes == nullptr) {
      const Time time = stage.duration(once_a_step);
      return time > Time(0) ? format_time(time) : "";
    }
    return stage.*bytes > Bytes(0) ? format_bytes(stage.*bytes) : "";
  }
};

constexpr MemoryColumn kMemoryColumns[] = {
    {"weights", &StageCosts::weights},
    {"gradients", &StageCosts::gradients},
    {"optimizer", &StageCosts::optimizer},
    {"buffers", &StageCosts::buffers},
    {"activation", &StageCosts::activation},
    {"freed by I", &StageCosts::activation_freed_at_input_grad},
    {"recomputed", &StageCosts::recomputed},
    {"working", &StageCosts::working},
    {"KV cache", &StageCosts::kv_cache_prefill},
    {"reduction", nullptr, OpKind::GradientReduction},
    {"optimizer step", nullptr, OpKind::OptimizerStep},
    {"parameter gather", nullptr, OpKind::ParameterGather},
};

std::string memory_table(std::span<const StageCosts> stages) {
  std::vector<MemoryColumn> shown;
  std::copy_if(std::begin(kMemoryColumns), std::end(kMemoryColumns), std::back_inserter(shown),
               [&](const MemoryColumn& column) {
                 return std::any_of(stages.begin(), stages.end(),
                                    [&](const StageCosts& stage) { return !column.cell(stage).empty(); });
               });
  std::vector<Table::Column> titles = {{"stage"}};
  for (const MemoryColumn& column : shown) titles.push_back({column.title});
  Table table(std::move(titles));
  const std::size_t rows = std::min(kMostStages, stages.size());
  for (std::size_t stage = 0; stage < rows; ++stage) {
    std::vector<std::string> cells = {std::to_string(stage)};
    for (const MemoryColumn& column : shown) cells.push_back(column.cell(stages[stage]));
    table.add_row(std::move(cells));
  }
  std::string text = table.text();
  if (rows < stages.size())
    text += fmt::format("stages {}..{} left out; --json has all\n", rows, stages.size() - 1);
  return text;
}

std::int64_t nanoseconds(Seconds time) {
  return to_time(time).count();
}

Json make_operator(const OperatorRow& row) {
  return {{"name", row.name},
          {"layers", row.layers},
          {"parameters", row.parameters},
          {"forward_flops", row.flops.count()},
          {"forward_ns", nanoseconds(row.forward)},
          {"recompute_ns", nanoseconds(row.recompute)},
          {"input_grad_ns", nanoseconds(row.input_grad)},
          {"weight_grad_ns", nanoseconds(row.weight_grad)},
          {"activation_bytes", row.activation.count()}};
}

Json make_stage(std::size_t index, const StageTable& table, const StageCosts& costs) {
  Json operators = Json::array();
  for (const OperatorRow& row : table.rows) operators.push_back(make_operator(row));
  const std::uint64_t last = std::uint64_t{table.layers.first} + table.layers.count;
  const auto duration = [&](OpKind kind) {
    return Json::array_t{fmt::format("{}_ns", traits_of(kind).key), costs.duration(kind).count()};
  };
  Json stage = {{"stage", index},
                {"layers", {table.layers.first + 1, last}},
                {"operators", std::move(operators)},
                duration(OpKind::Forward),
                duration(OpKind::Backward),
                duration(OpKind::InputGrad),
                duration(OpKind::WeightGrad),
                duration(OpKind::GradientReduction),
                {"gradient_buckets", costs.gradient_buckets},
                duration(OpKind::OptimizerStep),
                duration(OpKind::ParameterGather),
                {"weights_bytes", costs.weights.count()},
                {"gradients_bytes", costs.gradients.count()},
                {"optimizer_bytes", costs.optimizer.count()},
                {"buffers_bytes", costs.buffers.count()},
                {"activation_bytes", costs.activation.count()},
                {"activation_freed_at_input_grad_bytes", costs.activation_freed_at_input_grad.count()},
                {"working_bytes", costs.working.count()},
                {"kv_cache_bytes", costs.kv_cache_prefill.count()}};
  if (costs.duration(OpKind::Recompute) > Time(0)) {
    stage.push_back(duration(OpKind::Recompute));
    stage["recomputed_bytes"] = costs.recomputed.count();
  }
  return stage;
}

}  // namespace

std::string model_table(std::span<const StageTable> tables, const Workload& workload) {
  const ModelColumns columns(tables);
  std::string text = "One micro-batch on one GPU\n";
  for (std::size_t stage = 0; stage < tables.size();) {
    const std::size_t count = count_alike(tables, stage);
    text += fmt::format("\n{}\n", stages_title(tables, stage, count));
    text += operator_table(tables[stage], columns);
    stage += count;
  }
  text += "\nMemory on one GPU, and what ends a step\n" + memory_table(workload.stages);
  text += "\nAssumed:\n";
  for (const std::string& assumption : workload.assumptions) text += fmt::format("- {}\n", assumption);
  return text;
}

std::string model_json(std::span<const StageTable> tables, const Workload& workload, const Config& config) {
  Json document = make_document_head(config);
  document["stages"] = Json::array();
  for (std::size_t i = 0; i < tables.size(); ++i)
    document["stages"].push_back(make_stage(i, tables[i], workload.stages[i]));
  document["assumptions"] = workload.assumptions;
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ppsim
