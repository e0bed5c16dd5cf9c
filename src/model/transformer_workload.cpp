// A transformer on a cluster: its stages, and the figures of the whole step.
#include <fmt/format.h>

#include <algorithm>

#include "assumptions.hpp"
#include "cost_model.hpp"
#include "decode_model.hpp"
#include "gradient_reduction.hpp"
#include "memory_model.hpp"
#include "model_run.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {

namespace {

void check_positive(const Transformer& model) {
  const auto check = [](const char* key, std::uint32_t value) {
    if (value == 0) throw Error(fmt::format("/model/transformer/{}", key), "0; expected at least 1");
  };
  check("layers", model.layers);
  check("hidden", model.hidden);
  check("heads", model.heads);
  check("kv_heads", model.kv_heads);
  check("ffn_hidden", model.ffn_hidden);
  check("sequence_length", model.sequence_length);
}

void check_transformer(const Transformer& model) {
  check_positive(model);
  if (model.hidden % model.heads != 0)
    throw Error("/model/transformer/heads", fmt::format("{} heads for hidden {}; expected a divisor of {}",
                                                        model.heads, model.hidden, model.hidden));
  if (model.heads % model.kv_heads != 0)
    throw Error("/model/transformer/kv_heads",
                fmt::format("{} KV heads for {} heads; expected a divisor of {}", model.kv_heads, model.heads,
                            model.heads));
  const double h = model.hidden;
  const double parameters = model.layers * h * (4 * h + 3.0 * model.ffn_hidden + 20) +
                            2 * h * (static_cast<double>(model.vocabulary) + model.sequence_length);
  // So that counting them in 64 bits cannot wrap.
  if (parameters > 0x1p62)
    throw Error("/model/transformer", fmt::format("{:.3g} parameters; expected fewer than 2^62", parameters));
}

void check_divides(const char* what, std::uint32_t value, std::uint32_t tensor) {
  if (value % tensor != 0)
    throw Error("/parallelism/tensor",
                fmt::format("{} does not divide the model's {} {}; expected a divisor", tensor, value, what));
}

void check_tensor_parallel(const Transformer& model, const Parallelism& parallelism) {
  const std::uint32_t tensor = parallelism.tensor;
  check_divides("heads", model.heads, tensor);
  check_divides("ffn_hidden", model.ffn_hidden, tensor);
  if (model.kv_heads % tensor != 0 && tensor % model.kv_heads != 0)
    throw Error("/parallelism/tensor",
                fmt::format("{} GPUs for {} KV heads; expected a divisor or a multiple of {}", tensor,
                            model.kv_heads, model.kv_heads));
  if (parallelism.sequence_parallel && model.sequence_length % tensor != 0)
    throw Error("/parallelism/sequence_parallel",
                fmt::format("a sequence of {} tokens does not split over tensor {}; expected a divisor of {}",
                            model.sequence_length, tensor, model.sequence_length));
}

void set_times(StageCosts& stage, const StageTimes& times) {
  stage.forward = to_stage_time(times.forward);
  stage.backward = to_stage_time(times.backward);
  stage.weight_grad = to_stage_time(times.weight_grad);
  stage.input_grad = stage.backward - stage.weight_grad;
  stage.forward_tensor_comm = to_stage_time(times.forward_comm);
  stage.backward_tensor_comm = to_stage_time(times.backward_comm);
}

void set_training(StageCosts& stage, const ModelRun& run, const Transformer& model, const StagePlace& place) {
  set_times(stage, stage_times(run, model, place));
  const ActivationMemory activation = stage_activation(run, model, place);
  stage.activation = to_bytes(activation.kept);
  stage.activation_freed_at_input_grad =
      stage.activation - std::min(stage.activation, to_bytes(activation.kept_for_weights));
}

void set_inference(StageCosts& stage, const ModelRun& run, const Transformer& model,
                   const StagePlace& place) {
  const StageTimes times = stage_times(run, model, place);
  stage.forward = to_stage_time(times.forward);
  stage.forward_tensor_comm = to_stage_time(times.forward_comm);
  const std::uint32_t steps = *run.shape.decode_steps;
  stage.decode_forward.reserve(steps);
  for (std::uint32_t step = 1; step <= steps; ++step)
    stage.decode_forward.push_back(to_stage_time(decode_time(run, model, place, step)));
  stage.decode_tensor_comm = to_stage_time(decode_comm_time(run, model, place));
  stage.decode_transfer = hidden_bytes(run, model, 1);
  stage.kv_cache_step = kv_cache_per_token(run, model, place);
  stage.kv_cache_prefill = to_bytes(static_cast<double>(stage.kv_cache_step.count()) * model.sequence_length);
}

StageCosts make_stage(const ModelRun& run, const Transformer& model, const StagePlace& place) {
  StageCosts stage;
  stage.layers = place.layers;
  const double boundary = static_cast<double>(hidden_bytes(run, model, model.sequence_length).count());
  stage.forward_transfer = stage.backward_transfer = to_bytes(boundary / run.sequence_split());
  set_static_memory(stage, run, model.dtype, stage_parameters_per_gpu(run, model, place));
  if (run.inference())
    set_inference(stage, run, model, place);
  else
    set_training(stage, run, model, place);
  return stage;
}

std::uint64_t tokens_per_step(const ModelRun& run, const Transformer& model) {
  const Parallelism& p = run.parallelism;
  const std::uint64_t samples = std::uint64_t{p.micro_batch_size} * p.micro_batches * p.data;
  return samples * (std::uint64_t{model.sequence_length} + run.shape.decode_steps.value_or(0));
}

}  // namespace

Workload make_transformer_workload(const ModelRun& run, const Transformer& model) {
  check_transformer(model);
  check_tensor_parallel(model, run.parallelism);
  Workload workload{.stages = {}, .network = Network::of_cluster(run.cluster, run.parallelism)};
  for (std::size_t stage = 0; stage < run.layout.stages.size(); ++stage)
    workload.stages.push_back(make_stage(run, model, stage_place(run.layout, stage)));
  if (!run.inference()) set_gradient_reduction(run, workload.stages);
  workload.tokens_per_step = tokens_per_step(run, model);
  workload.model_flops_per_step = model_flops(run, model);
  workload.assumptions = transformer_assumptions(run, model);
  return workload;
}

}  // namespace ppsim
