// A transformer on a cluster: its stages, and the figures of the whole step.
#include <algorithm>
#include <span>

#include "model/costs/assumptions.hpp"
#include "model/costs/cost_model.hpp"
#include "model/costs/decode_model.hpp"
#include "model/costs/gradient_reduction.hpp"
#include "model/costs/memory_model.hpp"
#include "model/costs/model_workloads.hpp"
#include "model/layers/model_run.hpp"
#include "model/layers/transformer_checks.hpp"

namespace ppsim {

namespace {

OpCost op_cost(Seconds duration, const CollectiveCost& tensor, const CollectiveCost& other) {
  return {to_stage_time(duration), to_stage_time(tensor.time), to_stage_time(other.time),
          (tensor + other).bytes};
}

void set_times(StageCosts& stage, const StageTimes& times) {
  const PassCollectives &tensor = times.tensor_comm, &other = times.other_comm;
  OpCost& backward = stage.ops[OpKind::Backward];
  OpCost& input_grad = stage.ops[OpKind::InputGrad];
  OpCost& weight_grad = stage.ops[OpKind::WeightGrad];
  stage.ops[OpKind::Forward] = op_cost(times.forward, tensor.forward, other.forward);
  input_grad =
      op_cost(times.input_grad, tensor.recompute + tensor.input_grad, other.recompute + other.input_grad);
  weight_grad = op_cost(times.weight_grad, {}, other.weight_grad);
  stage.ops[OpKind::Recompute] = op_cost(times.recompute, tensor.recompute, other.recompute);
  backward = whole_backward(input_grad, weight_grad);
  backward.duration = to_stage_time(times.backward);
  // Rounded once: the halves of a backward that the GPU bounds are the whole.
  if (times.input_grad + times.weight_grad <= times.backward)
    input_grad.duration = backward.duration - weight_grad.duration;
}

// What arrives from each neighbour has a buffer of its own.
double transfer_buffers(const StageCosts& stage, const StagePlace& place) {
  return static_cast<double>((place.embedding ? Bytes(0) : stage.forward_transfer).count() +
                             (place.head ? Bytes(0) : stage.backward_transfer).count());
}

void set_training(StageCosts& stage, const ModelRun& run, const Transformer& model, const StagePlace& place,
                  std::span<const StagePart> parts) {
  const ActivationMemory activation = activation_of(parts);
  stage.activation = to_bytes(activation.kept);
  stage.activation_freed_at_input_grad =
      stage.activation - std::min(stage.activation, to_bytes(activation.kept_for_weights));
  stage.recomputed = to_bytes(activation.recomputed);
  double buffers = run.training.gradient_placeholders ? placeholder_memory(model, parts) : 0;
  if (run.training.working_memory) {
    stage.working = to_bytes(working_memory(run, model, parts));
    buffers += transfer_buffers(stage, place);
  }
  stage.buffers = to_bytes(buffers);
  stage.ops[OpKind::OptimizerStep].duration = optimizer_time(run, model.dtype, parameters_of(parts));
  set_gradient_reduction(stage, run, model.dtype, parameters_of(parts));
}

void set_inference(StageCosts& stage, const ModelRun& run, const Transformer& model, const StagePlace& place,
                   std::span<const DecodeStep> steps) {
  for (const OpKind kind : {OpKind::Backward, OpKind::InputGrad, OpKind::WeightGrad, OpKind::Recompute})
    stage.ops[kind] = {};
  stage.decode_forward.reserve(steps.size());
  for (const DecodeStep& step : steps)
    stage.decode_forward.push_back(to_stage_time(decode_time(run, model, place, step)));
  const CollectiveCost tensor = decode_tensor_comm(run, model, place);
  const CollectiveCost other = decode_other_comm(run, model, place);
  stage.decode = op_cost({}, tensor, other);
  stage.decode_transfer = hidden_bytes(run, model, 1);
  if (run.parallelism.scatter_gather) {
    stage.decode_gather = to_stage_time(run.boundary_gather(stage.decode_transfer));
    stage.decode_transfer =
        to_bytes(static_cast<double>(stage.decode_transfer.count()) / run.boundary_split());
  }
  stage.kv_cache_step = kv_cache_per_token(run, model, place);
  stage.kv_cache_prefill = to_bytes(static_cast<double>(stage.kv_cache_step.count()) * model.sequence_length);
}

StageCosts make_transformer_stage(const ModelRun& run, const Transformer& model, const StagePlace& place,
                                  std::span<const StagePart> parts) {
  StageCosts stage;
  stage.layers = place.layers;
  const double tokens = static_cast<double>(model.sequence_length) / run.parallelism.context;
  const Bytes boundary = hidden_bytes(run, model, tokens);
  stage.forward_transfer = stage.backward_transfer =
      to_bytes(static_cast<double>(boundary.count()) / run.boundary_split());
  stage.forward_gather = stage.backward_gather = to_stage_time(run.boundary_gather(boundary));
  const StageParameters parameters = parameters_of(parts);
  set_static_memory(stage, run, model.dtype, parameters);
  stage.weights += to_bytes(parameters.multiplied * quantized_bytes(run, model));
  set_times(stage, stage_times(run, model, place, parts));
  return stage;
}

std::uint64_t tokens_per_step(const ModelRun& run, const Transformer& model) {
  const Parallelism& p = run.parallelism;
  const std::uint64_t samples = std::uint64_t{p.micro_batch_size} * p.micro_batches * p.data;
  return samples * (std::uint64_t{model.sequence_length} + run.shape.decode_steps.value_or(0));
}

}  // namespace

Workload make_transformer_workload(const ModelRun& run, const Transformer& model) {
  check_model(run, model);
  Workload workload{.stages = {}, .network = Network::of_cluster(run.cluster, run.parallelism)};
  const std::vector<DecodeStep> steps =
      run.inference() ? decode_steps(run, model) : std::vector<DecodeStep>{};
  for (std::size_t stage = 0; stage < run.layout.stages.size(); ++stage) {
    const StagePlace place = stage_place(run.layout, stage);
    const std::vector<StagePart> parts = stage_parts(run, model, place);
    StageCosts& costs = workload.stages.emplace_back(make_transformer_stage(run, model, place, parts));
    if (run.inference())
      set_inference(costs, run, model, place, steps);
    else
      set_training(costs, run, model, place, parts);
  }
  workload.overlap_gradients = run.training.overlap_gradients;
  workload.tokens_per_step = tokens_per_step(run, model);
  workload.model_flops_per_step = model_flops(run, model);
  workload.assumptions = transformer_assumptions(run, model);
  return workload;
}

}  // namespace ppsim
