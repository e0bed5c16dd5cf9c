#include "ppsim/model/costs/stage_table.hpp"

#include <algorithm>

#include "model/costs/cost_model.hpp"
#include "model/costs/layer_costs_model.hpp"
#include "model/costs/of_stages.hpp"
#include "model/costs/stage_collectives.hpp"

namespace ppsim {

namespace {

// An operator that several kinds of layers have is one row.
OperatorRow& row_named(std::vector<OperatorRow>& rows, std::string_view name) {
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.name == name; });
  if (found != rows.end()) return *found;
  rows.push_back({.name = std::string(name)});
  return rows.back();
}

void add_operator(std::vector<OperatorRow>& rows, const GpuClock& clock, const Operator& op,
                  const StagePart& part, bool inference) {
  const double times = part.times();
  OperatorRow& row = row_named(rows, op.name);
  row.layers += part.layers;
  row.parameters += times * op.parameters;
  row.flops += times * op.forward_flops();
  const OperatorTimes one = operator_times(clock, op);
  row.forward += times * one.forward;
  if (inference) return;
  row.activation += to_bytes(times * op.activation);
  row.recompute += times * one.recompute;
  row.input_grad += times * one.input_grad;
  row.weight_grad += times * one.weight_grad;
}

void add_collective(std::vector<OperatorRow>& rows, const StageCollective& collective, bool inference) {
  if (!collective.takes_time()) return;
  OperatorRow& row = row_named(rows, collective.name);
  row.layers = collective.layers;
  row.forward = collective.passes.forward.time;
  if (inference) return;
  row.recompute = collective.passes.recompute.time;
  row.input_grad = collective.passes.input_grad.time;
  row.weight_grad = collective.passes.weight_grad.time;
}

StageTable make_table(const ModelRun& run, const Transformer& model, std::size_t stage) {
  const StagePlace place = stage_place(run.layout, stage);
  const GpuClock clock = make_clock(run, model);
  StageTable table{place.layers, {}};
  const std::vector<StagePart> parts = stage_parts(run, model, place);
  for (const StagePart& part : parts)
    for (const Operator& op : part.operators) add_operator(table.rows, clock, op, part, run.inference());
  add_collective(table.rows,
                 {"tensor-parallel collectives", StageCollective::Kind::Context, 0,
                  tensor_collectives(run, model, place)},
                 run.inference());
  for (const StageCollective& collective : stage_collectives(run, model, parts))
    add_collective(table.rows, collective, run.inference());
  return table;
}

StageTable make_table(const ModelRun& run, const LayerCosts& model, std::size_t stage) {
  const LayerRange layers = run.layout.stages[stage];
  const LayerSums sums = sum_layers(run, model, layers);
  OperatorRow row{.name = "layers", .layers = layers.count, .parameters = sums.parameters};
  row.flops = sums.flops;
  row.activation = to_bytes(sums.activation);
  row.forward = sums.forward;
  row.recompute = sums.recompute;
  row.input_grad = row.weight_grad = (sums.backward - sums.recompute) / 2;
  StageTable table{layers, {row}};
  const ZeroCollectives zero = layer_costs_collectives(run, model, layers);
  for (const StageCollective* collective : {&zero.gathering, &zero.scattering})
    add_collective(table.rows, *collective, false);
  return table;
}

}  // namespace

std::vector<StageTable> make_stage_tables(const ModelInput& input, const Parallelism& parallelism,
                                          const RunShape& shape) {
  return make_of_stages(input, parallelism, shape,
                        [](const ModelRun& run, const auto& model, std::size_t stage) {
                          return make_table(run, model, stage);
                        });
}

}  // namespace ppsim
