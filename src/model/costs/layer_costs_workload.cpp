// A model given by the costs of its layers. Nothing is known of what is inside a layer, so a layer counts as
// one matrix product, and what tensor parallelism would exchange is left out.
#include <fmt/format.h>

#include <algorithm>

#include "model/costs/assumptions.hpp"
#include "model/costs/gpu_clock.hpp"
#include "model/costs/gradient_reduction.hpp"
#include "model/costs/layer_costs_model.hpp"
#include "model/costs/memory_model.hpp"
#include "model/costs/model_workloads.hpp"
#include "model/layers/model_run.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {

namespace {

// Full recomputation keeps a layer's input alone: the output of the layer before it, split as that is.
double layer_activation_bytes(const ModelRun& run, const LayerCosts& model, std::size_t layer) {
  const LayerCost& cost = model.layers[layer];
  if (run.parallelism.recompute != Recompute::Full)
    return static_cast<double>(cost.activation.count()) / run.parallelism.tensor;
  const LayerCost& before = model.layers[layer == 0 ? 0 : layer - 1];
  return static_cast<double>(before.output.count()) / run.sequence_split();
}

// A boundary lies behind its layer.
Bytes boundary_bytes(const ModelRun& run, const LayerCosts& model, std::size_t layer) {
  return to_bytes(static_cast<double>(model.layers[layer].output.count()) * run.parallelism.micro_batch_size);
}

Bytes sent_bytes(const ModelRun& run, Bytes boundary) {
  return to_bytes(static_cast<double>(boundary.count()) / run.boundary_split());
}

void set_transfers(StageCosts& stage, const ModelRun& run, const LayerCosts& model) {
  const LayerRange layers = stage.layers;
  const Bytes behind = boundary_bytes(run, model, layers.first + layers.count - 1);
  stage.forward_transfer = sent_bytes(run, behind);
  stage.forward_gather = to_stage_time(run.boundary_gather(behind));
  if (layers.first == 0) return;
  const Bytes before = boundary_bytes(run, model, layers.first - 1);
  stage.backward_transfer = sent_bytes(run, before);
  stage.backward_gather = to_stage_time(run.boundary_gather(before));
}

void add_collectives(StageCosts& stage, const ZeroCollectives& zero) {
  const PassCollectives &gathering = zero.gathering.passes, &scattering = zero.scattering.passes;
  const auto add = [&](OpKind kind, const CollectiveCost& cost) {
    OpCost& op = stage.ops[kind];
    op.other_comm = to_stage_time(cost.time);
    op.bytes = cost.bytes;
    op.duration += op.other_comm;
  };
  add(OpKind::Forward, gathering.forward);
  add(OpKind::InputGrad, gathering.input_grad);
  add(OpKind::WeightGrad, scattering.weight_grad);
}

StageCosts make_layer_costs_stage(const ModelRun& run, const LayerCosts& model, LayerRange layers,
                                  const LayerSums& sums) {
  StageCosts stage;
  stage.layers = layers;
  OpCost &input_grad = stage.ops[OpKind::InputGrad], &weight_grad = stage.ops[OpKind::WeightGrad];
  const Time backward = to_stage_time(sums.backward);
  stage.ops[OpKind::Forward].duration = to_stage_time(sums.forward);
  input_grad.duration = backward / 2;
  weight_grad.duration = backward - input_grad.duration;
  stage.ops[OpKind::Recompute].duration = to_stage_time(sums.recompute);
  add_collectives(stage, layer_costs_collectives(run, model, layers));
  stage.ops[OpKind::Backward] = whole_backward(input_grad, weight_grad);
  set_transfers(stage, run, model);
  stage.activation = to_bytes(sums.activation);
  stage.recomputed = to_bytes(sums.recomputed);
  const StageParameters parameters{.dense = sums.parameters};
  set_static_memory(stage, run, model.dtype, parameters);
  stage.ops[OpKind::OptimizerStep].duration = optimizer_time(run, model.dtype, parameters);
  set_gradient_reduction(stage, run, model.dtype, parameters);
  return stage;
}

bool has_plain_kernels(const Training& training) {
  return !training.unfused_softmax && training.attention_work == 1 &&
         std::all_of(training.kernels.begin(), training.kernels.end(), [](const KernelFactors& factors) {
           return factors.bytes == 1 && factors.kernels == 1 && factors.kept == 1;
         });
}

}  // namespace

void check_model(const ModelRun& run, const LayerCosts&) {
  if (run.inference())
    throw Error("/model/layer_costs",
                "layer costs say nothing of token steps and KV cache; expected a transformer");
  if (run.parallelism.recompute == Recompute::Selective)
    throw Error("/parallelism/recompute",
                "selective with layer_costs, which do not show the attention core; expected none or full");
  const Parallelism& parallelism = run.parallelism;
  const Training& training = run.training;
  for (std::size_t stage = 0; stage < run.layout.stages.size(); ++stage)
    if (run.layout.stages[stage].count == 0)
      throw Error(fmt::format("/parallelism/layers_per_stage/{}", stage),
                  "0 layers; expected at least 1, as layer_costs say what a stage sends");
  const auto refuse = [](bool asked, const char* key, const char* what) {
    if (asked) throw Error(key, fmt::format("with layer_costs, which do not show {}; leave it out", what));
  };
  refuse(parallelism.context > 1, "/parallelism/context", "the attention core");
  refuse(parallelism.expert > 1, "/parallelism/expert", "experts");
  refuse(parallelism.expert_tensor.value_or(1) > 1, "/parallelism/expert_tensor", "experts");
  refuse(training.fused_loss, "/training/fused_loss", "the loss");
  refuse(training.working_memory, "/training/working_memory", "what a pass needs");
  refuse(training.gathered_logits, "/training/gathered_logits", "the loss");
  refuse(!has_plain_kernels(training), "/training/kernels", "kernels");
  refuse(training.captured_launches > 0, "/training/captured_launches", "kernels");
  refuse(training.overlap_sharding, "/training/overlap_sharding", "what each layer gathers");
  refuse(training.overlap_tensor > 0, "/training/overlap_tensor", "a tensor group's collectives");
  refuse(training.overlap_expert > 0, "/training/overlap_expert", "experts");
  refuse(training.gradient_placeholders, "/training/gradient_placeholders", "shapes of weights");
}

LayerSums sum_layers(const ModelRun& run, const LayerCosts& model, LayerRange layers) {
  const GpuClock clock(run.cluster.gpu, model.dtype);
  const double share = static_cast<double>(run.parallelism.micro_batch_size) / run.parallelism.tensor;
  const bool recompute = run.parallelism.recompute == Recompute::Full;
  LayerSums sums;
  for (std::size_t layer = layers.first; layer < layers.first + layers.count; ++layer) {
    const LayerCost& cost = model.layers[layer];
    const Seconds forward = clock.bare_time(cost.forward * share);
    sums.flops += cost.forward * share;
    sums.forward += forward;
    if (recompute) sums.recompute += forward;
    sums.backward += clock.bare_time(cost.backward * share) + (recompute ? forward : Seconds(0));
    sums.activation += layer_activation_bytes(run, model, layer) * run.parallelism.micro_batch_size;
    if (recompute) sums.recomputed += static_cast<double>(cost.activation.count()) * share;
    sums.parameters += static_cast<double>(cost.parameters) / run.parallelism.tensor;
  }
  return sums;
}

ZeroCollectives layer_costs_collectives(const ModelRun& run, const LayerCosts& model, LayerRange layers) {
  ZeroCollectives zero;
  zero.gathering.layers = zero.scattering.layers = layers.count;
  for (std::size_t layer = layers.first; layer < layers.first + layers.count; ++layer)
    zero.add(run, model.dtype,
             {.dense = static_cast<double>(model.layers[layer].parameters) / run.parallelism.tensor}, 1);
  return zero;
}

Workload make_layer_costs_workload(const ModelRun& run, const LayerCosts& model) {
  check_model(run, model);
  Workload workload{.stages = {}, .network = Network::of_cluster(run.cluster, run.parallelism)};
  for (const LayerRange layers : run.layout.stages) {
    const LayerSums sums = sum_layers(run, model, layers);
    workload.stages.push_back(make_layer_costs_stage(run, model, layers, sums));
  }
  workload.overlap_gradients = run.training.overlap_gradients;
  Flops sample;
  for (const LayerCost& layer : model.layers) sample += layer.forward + layer.backward;
  const Parallelism& p = run.parallelism;
  const std::uint64_t samples = std::uint64_t{p.micro_batch_size} * p.micro_batches * p.data;
  workload.model_flops_per_step = sample * static_cast<double>(samples);
  if (model.sequence_length > 0) workload.tokens_per_step = samples * model.sequence_length;
  workload.assumptions = layer_costs_assumptions(run, model);
  return workload;
}

}  // namespace ppsim
