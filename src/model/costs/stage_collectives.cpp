// Experts (Lepikhin et al. 2021, GShard, section 3.2): two all-to-alls forward, which bring the tokens to
// their experts and the results back, and two backward for the gradients. Nothing is computed beside them.
//
// Context, ring (Liu et al. 2023, Ring Attention, section 3): n GPUs compute the attention of their own
// queries to one part of keys and values after the other, in n equal steps; during all but the last the next
// part arrives. A step lasts as long as the longer of the two, so what takes time is
//   (n - 1) max(0, send - attention / n)
// and backward the same with twice the bytes, as the gradients of keys and values go around too.
//
// Context, all-to-all (Jacobs et al. 2023, DeepSpeed-Ulysses, section 3.1): one all-to-all for queries, keys
// and values and one for the result, and the same backward; nothing is computed beside them. Where there are
// fewer heads of keys and values than GPUs, each is sent as often as it takes for every GPU to have one.
//
// ZeRO: see gradient_reduction.cpp.
#include "model/costs/stage_collectives.hpp"

#include <algorithm>

#include "model/costs/gradient_reduction.hpp"

namespace ppsim {

namespace {

// What the attention core of one layer takes by itself.
struct CoreTimes {
  OperatorTimes times;
  bool recomputed = false;
};

CoreTimes core_times(const GpuClock& clock, const Operators& operators) {
  CoreTimes core;
  for (const Operator& op : operators) {
    if (!op.attention_core) continue;
    const OperatorTimes one = operator_times(clock, op);
    core.times.forward += one.forward;
    core.times.input_grad += one.input_grad;
    core.recomputed = core.recomputed || op.recomputed;
  }
  return core;
}

// What is not hidden by `attention`, which is computed meanwhile.
CollectiveCost ring_cost(const ModelRun& run, Bytes bytes, Seconds attention) {
  const CollectiveCost send = run.collectives().ring_send(GroupKind::Context, bytes);
  const auto n = static_cast<double>(run.groups.of(GroupKind::Context).members);
  const Seconds seen = std::max(Seconds(0), send.time - attention / n);
  CollectiveCost cost = (n - 1) * (seen / send.time) * send;
  cost.time = (n - 1) * seen;
  return cost;
}

PassCollectives layer_ring(const ModelRun& run, const Transformer& model, const Operators& layer) {
  const CoreTimes core = core_times(make_clock(run, model), layer);
  const Bytes bytes = context_ring_bytes(run, model);
  PassCollectives passes;
  passes.forward = ring_cost(run, bytes, core.times.forward);
  if (core.recomputed) passes.recompute = passes.forward;
  passes.input_grad = ring_cost(run, 2 * bytes, core.times.input_grad);
  return passes;
}

// Selective recomputation begins behind the first exchange and ends before the second.
PassCollectives layer_head_exchange(const ModelRun& run, const Transformer& model) {
  const HeadExchange bytes = context_head_bytes(run, model);
  PassCollectives passes;
  passes.forward = run.collectives().all_to_all(GroupKind::Context, bytes.before) +
                   run.collectives().all_to_all(GroupKind::Context, bytes.behind);
  if (run.parallelism.recompute == Recompute::Full) passes.recompute = passes.forward;
  passes.input_grad = passes.forward;
  return passes;
}

StageCollective context_exchange(const ModelRun& run, const Transformer& model,
                                 std::span<const StagePart> parts) {
  const bool ring = run.parallelism.context_exchange == ContextExchange::Ring;
  StageCollective sum{ring ? "context ring" : "context all-to-all", StageCollective::Kind::Context, 0, {}};
  if (run.parallelism.context == 1) return sum;
  for (const StagePart& part : parts) {
    if (part.layers == 0) continue;
    sum.layers += part.layers;
    sum.passes +=
        part.layers * (ring ? layer_ring(run, model, part.operators) : layer_head_exchange(run, model));
  }
  return sum;
}

bool has_experts(const StagePart& part) {
  return std::any_of(part.operators.begin(), part.operators.end(),
                     [](const Operator& op) { return op.routed_expert; });
}

StageCollective expert_exchanges(const ModelRun& run, const Transformer& model,
                                 std::span<const StagePart> parts) {
  StageCollective sum{"expert all-to-all", StageCollective::Kind::Experts, 0, {}};
  if (!model.experts || run.parallelism.expert == 1) return sum;
  PassCollectives layer;
  layer.forward = layer.input_grad = expert_exchange(run, model, full_pass(run, model));
  if (run.parallelism.recompute == Recompute::Full) layer.recompute = layer.forward;
  for (const StagePart& part : parts) {
    if (!has_experts(part)) continue;
    sum.layers += part.layers;
    sum.passes += part.layers * layer;
  }
  return sum;
}

ZeroCollectives zero_collectives(const ModelRun& run, const Transformer& model,
                                 std::span<const StagePart> parts) {
  ZeroCollectives zero;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const double times = parts[i].times();
    const StageParameters all = parameters_of(parts.subspan(i, 1));
    zero.add(run, model.dtype, {.dense = all.dense / times, .routed = all.routed / times}, times);
    zero.gathering.layers += parts[i].layers;
    zero.scattering.layers += parts[i].layers;
  }
  return zero;
}

}  // namespace

bool StageCollective::takes_time() const {
  return passes.forward.time + passes.recompute.time + passes.input_grad.time + passes.weight_grad.time >
         Seconds(0);
}

Bytes expert_exchange_bytes(const ModelRun& run, const Transformer& model, const Pass& pass) {
  const LayerSizes sizes(run, model, pass);
  const double visits = sizes.rows / sizes.sequence * model.experts->per_token;
  return to_bytes(visits * sizes.hidden * element_bytes(model.sent_dtype()));
}

CollectiveCost expert_exchange(const ModelRun& run, const Transformer& model, const Pass& pass) {
  if (!model.experts || run.parallelism.expert == 1) return {};
  return 2 * run.collectives().all_to_all(GroupKind::Expert, expert_exchange_bytes(run, model, pass));
}

Bytes context_ring_bytes(const ModelRun& run, const Transformer& model) {
  const Pass pass = full_pass(run, model);
  const LayerSizes sizes(run, model, pass);
  const AttentionWidths widths = attention_widths(run, model, pass);
  return to_bytes(sizes.rows * (widths.keys + widths.values) * sizes.element);
}

HeadExchange context_head_bytes(const ModelRun& run, const Transformer& model) {
  const Pass pass = full_pass(run, model);
  const LayerSizes sizes(run, model, pass);
  const AttentionWidths widths = attention_widths(run, model, pass);
  const double kv_heads = model.latent_attention
                              ? model.heads / sizes.tensor
                              : static_cast<double>(kv_heads_per_gpu(model, run.parallelism.tensor));
  const double copies = std::max(1.0, run.parallelism.context / kv_heads);
  const double each = sizes.rows * sizes.element;
  return {to_bytes(each * (widths.queries + copies * (widths.keys + widths.values))),
          to_bytes(each * widths.outputs)};
}

std::vector<StageCollective> stage_collectives(const ModelRun& run, const Transformer& model,
                                               std::span<const StagePart> parts) {
  const ZeroCollectives zero = zero_collectives(run, model, parts);
  std::vector<StageCollective> rows = {context_exchange(run, model, parts),
                                       expert_exchanges(run, model, parts), zero.gathering, zero.scattering};
  rows.erase(std::remove_if(rows.begin(), rows.end(), [](const auto& row) { return !row.takes_time(); }),
             rows.end());
  return rows;
}

// What recomputation needs is gathered once, for it and for the backward that follows.
void ZeroCollectives::add(const ModelRun& run, Dtype dtype, const StageParameters& each, double count) {
  const CollectiveCost gather = count * parameter_gathering(run, dtype, each);
  gathering.passes.forward += gather;
  gathering.passes.input_grad += gather;
  scattering.passes.weight_grad += count * gradient_scattering(run, dtype, each);
}

PassCollectives sum_of(std::span<const StageCollective> collectives) {
  PassCollectives sum;
  for (const StageCollective& collective : collectives) sum += collective.passes;
  return sum;
}

}  // namespace ppsim
