#include "ppsim/model/costs/collective_table.hpp"

#include "model/costs/layer_costs_model.hpp"
#include "model/costs/of_stages.hpp"
#include "model/costs/stage_collectives.hpp"

namespace ppsim {

namespace {

using Rows = CollectiveRows;

// One of all-reduce, reduce-scatter and all-gather; tells a group of one GPU, which has none.
void add_ring(Rows& rows, const ModelRun& run, std::string name, const GroupLinks& group, Bytes bytes,
              Seconds alone) {
  if (group.members <= 1 || bytes == Bytes(0)) return;
  rows.push_back({std::move(name), std::string(ppsim::name(run.parallelism.collectives)), group.members,
                  group.nodes, group.ring.bandwidth, bytes, alone});
}

void add_tensor(Rows& rows, const ModelRun& run, Bytes bytes) {
  const char* name =
      run.parallelism.sequence_parallel ? "tensor all-gather and reduce-scatter" : "tensor all-reduce";
  add_ring(rows, run, name, run.groups.of(GroupKind::Tensor), bytes, run.tensor_all_reduce(bytes).time);
}

void add_boundary_row(Rows& rows, const ModelRun& run, Bytes bytes) {
  if (!run.parallelism.scatter_gather) return;
  add_ring(rows, run, "boundary all-gather", run.groups.of(GroupKind::Tensor), bytes,
           run.boundary_gather(bytes));
}

void add_pairwise(Rows& rows, const char* name, const GroupLinks& group, Bytes bytes) {
  if (group.members <= 1) return;
  const Link& link = group.nodes > 1 ? group.spread_across : group.spread_inside;
  rows.push_back(
      {name, "pairwise", group.members, group.nodes, link.bandwidth, bytes, all_to_all_time(group, bytes)});
}

void add_context_row(Rows& rows, const ModelRun& run, const Transformer& model) {
  const GroupLinks& group = run.groups.of(GroupKind::Context);
  if (group.members <= 1) return;
  if (run.parallelism.context_exchange == ContextExchange::AllToAll) {
    const HeadExchange heads = context_head_bytes(run, model);
    add_pairwise(rows, "context all-to-all, before", group, heads.before);
    add_pairwise(rows, "context all-to-all, behind", group, heads.behind);
    return;
  }
  const Bytes bytes = context_ring_bytes(run, model);
  const Link& link = group.nodes > 1 ? group.hop : group.inside;
  rows.push_back({"context send", "ring", group.members, group.nodes, link.bandwidth, bytes,
                  ring_send_time(group, bytes)});
}

// ZeRO shares the optimizer out: what is reduced is scattered, and weights are gathered.
void add_replicas(Rows& rows, const ModelRun& run, Dtype dtype, const std::string& what,
                  const GroupLinks& group, double parameters) {
  if (run.inference()) return;
  const ParameterBytes each = parameter_bytes(run, dtype);
  const Bytes gradients = to_bytes(parameters * each.gradients),
              weights = to_bytes(parameters * each.weights);
  const CollectiveAlgorithm algorithm = run.parallelism.collectives;
  if (run.parallelism.zero_stage == 0) {
    add_ring(rows, run, what + "gradient all-reduce", group, gradients,
             all_reduce_time(group, gradients, algorithm));
    return;
  }
  add_ring(rows, run, what + "gradient reduce-scatter", group, gradients,
           reduce_scatter_time(group, gradients, algorithm));
  add_ring(rows, run, what + "weight all-gather", group, weights, all_gather_time(group, weights, algorithm));
}

Rows make_rows(const ModelRun& run, const Transformer& model, std::size_t stage) {
  const StagePlace place = stage_place(run.layout, stage);
  const double tokens = static_cast<double>(model.sequence_length) / run.parallelism.context;
  const Bytes hidden = hidden_bytes(run, model, tokens);
  Rows rows;
  add_tensor(rows, run, hidden);
  add_boundary_row(rows, run, hidden);
  add_context_row(rows, run, model);
  if (count_expert_layers(model, place.layers) > 0)
    add_pairwise(rows, "expert all-to-all", run.groups.of(GroupKind::Expert),
                 expert_exchange_bytes(run, model, full_pass(run, model)));
  const StageParameters parameters = parameters_of(stage_parts(run, model, place));
  add_replicas(rows, run, model.dtype, "", run.groups.of(GroupKind::Replicas), parameters.dense);
  add_replicas(rows, run, model.dtype, "expert ", run.groups.of(GroupKind::ExpertReplicas),
               parameters.routed);
  return rows;
}

// Of what is inside a layer nothing is known.
Rows make_rows(const ModelRun& run, const LayerCosts& model, std::size_t stage) {
  const LayerRange layers = run.layout.stages[stage];
  Rows rows;
  add_boundary_row(rows, run,
                   run.parallelism.micro_batch_size * model.layers[layers.first + layers.count - 1].output);
  add_replicas(rows, run, model.dtype, "", run.groups.of(GroupKind::Replicas),
               sum_layers(run, model, layers).parameters);
  return rows;
}

}  // namespace

std::vector<CollectiveRows> make_collective_tables(const ModelInput& input, const Parallelism& parallelism,
                                                   const RunShape& shape) {
  return make_of_stages(
      input, parallelism, shape,
      [](const ModelRun& run, const auto& model, std::size_t stage) { return make_rows(run, model, stage); });
}

}  // namespace ppsim
