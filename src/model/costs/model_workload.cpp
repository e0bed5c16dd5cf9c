// A model on a cluster: what holds for every kind of model.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/costs/gpu_clock.hpp"
#include "model/costs/model_workloads.hpp"
#include "model/layers/model_run.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {

namespace {

Dtype product_dtype(const Model& model) {
  if (const auto* transformer = std::get_if<Transformer>(&model)) return transformer->product_dtype();
  return std::get<LayerCosts>(model).dtype;
}

StageLayout make_stage_layout(const Model& model, const Parallelism& parallelism, const RunShape& shape) {
  const std::uint32_t layers = layer_count(model);
  if (!parallelism.layers_per_stage.empty())
    return make_layout(layers, shape.stages, parallelism.layers_per_stage);
  return parallelism.layer_split == LayerSplit::Even ? make_even_layout(layers, shape.stages)
                                                     : make_balanced_layout(layers, shape.stages);
}

Time share_among_slices(Time whole, std::uint32_t parts) {
  return (2 * whole + Time(parts)) / (2 * static_cast<std::int64_t>(parts));
}
Bytes share_among_slices(Bytes whole, std::uint32_t parts) {
  return Bytes(whole.count() / parts + (whole.count() % parts != 0 ? 1 : 0));
}

OpCost share_among_slices(OpCost whole, std::uint32_t parts) {
  for (Time* time : {&whole.duration, &whole.tensor_comm, &whole.other_comm})
    *time = share_among_slices(*time, parts);
  for (PortBytes& kind : whole.bytes) kind = 1.0 / parts * kind;
  return whole;
}

void take_out(OpCost& whole, const OpCost& part) {
  whole.duration -= std::min(whole.duration, part.duration);
  whole.tensor_comm -= std::min(whole.tensor_comm, part.tensor_comm);
  whole.other_comm -= std::min(whole.other_comm, part.other_comm);
  for (std::size_t kind = 0; kind < kGroupKinds; ++kind) {
    whole.bytes[kind].inside -= std::min(whole.bytes[kind].inside, part.bytes[kind].inside);
    whole.bytes[kind].across -= std::min(whole.bytes[kind].across, part.bytes[kind].across);
  }
}

// Stages come with the recomputation both inside B and I and by itself. One of the two is what runs.
void settle_recompute(Workload& workload, bool ahead) {
  for (StageCosts& stage : workload.stages) {
    OpCost& recompute = stage.ops[OpKind::Recompute];
    if (ahead) {
      take_out(stage.ops[OpKind::Backward], recompute);
      take_out(stage.ops[OpKind::InputGrad], recompute);
    } else {
      recompute = {};
      stage.recomputed = Bytes(0);
    }
  }
}

void check_recompute(const Parallelism& parallelism, const RunShape& shape) {
  if (shape.recompute_ahead && parallelism.recompute == Recompute::None)
    throw Error(kRecomputeAhead,
                "R is an op of its own, and /parallelism/recompute is none: expected selective or full, or "
                "recompute_ahead 0");
}

// From a micro-batch to one of k slices of its sequence: times rounded half up, bytes up.
void cut_into_slices(Workload& workload, std::uint32_t k) {
  for (StageCosts& stage : workload.stages) {
    for (const OpKind kind : {OpKind::Forward, OpKind::InputGrad, OpKind::WeightGrad, OpKind::Recompute})
      stage.ops[kind] = share_among_slices(stage.ops[kind], k);
    stage.ops[OpKind::Backward] = whole_backward(stage.ops[OpKind::InputGrad], stage.ops[OpKind::WeightGrad]);
    for (Time* time : {&stage.forward_gather, &stage.backward_gather}) *time = share_among_slices(*time, k);
    for (Bytes StageCosts::*bytes :
         {&StageCosts::forward_transfer, &StageCosts::backward_transfer, &StageCosts::activation,
          &StageCosts::activation_freed_at_input_grad, &StageCosts::recomputed, &StageCosts::working}) {
      stage.*bytes = share_among_slices(stage.*bytes, k);
    }
  }
  workload.assumptions.push_back(
      fmt::format("Each of the {} slices of a sequence costs the same share of its micro-batch.", k));
}

void add_steps(Workload& workload, const RunShape& shape) {
  for (StageCosts& stage : workload.stages) stage.weights = stage.weights * shape.weight_versions;
  if (workload.tokens_per_step) *workload.tokens_per_step *= shape.steps;
  if (workload.model_flops_per_step)
    workload.model_flops_per_step = *workload.model_flops_per_step * shape.steps;
  if (shape.weight_versions > 1) {
    workload.assumptions.push_back(
        fmt::format("Each stage holds {} versions of its weights.", shape.weight_versions));
  }
}

Workload make_kind(const ModelRun& run, const Transformer& model) {
  return make_transformer_workload(run, model);
}
Workload make_kind(const ModelRun& run, const LayerCosts& model) {
  return make_layer_costs_workload(run, model);
}

}  // namespace

OpCost whole_backward(const OpCost& input_grad, const OpCost& weight_grad) {
  OpCost whole = input_grad;
  whole.duration += weight_grad.duration;
  whole.tensor_comm += weight_grad.tensor_comm;
  whole.other_comm += weight_grad.other_comm;
  for (std::size_t kind = 0; kind < kGroupKinds; ++kind) whole.bytes[kind] += weight_grad.bytes[kind];
  return whole;
}

Bytes Workload::reserved(Bytes allocated) const {
  const double margin = std::ceil(static_cast<double>(allocated.count()) * allocator_margin);
  return allocated + Bytes(static_cast<std::int64_t>(margin)) + runtime_memory;
}

Bytes Workload::allocatable(Bytes memory) const {
  const double share = static_cast<double>((memory - runtime_memory).count()) / (1 + allocator_margin);
  Bytes most(static_cast<std::int64_t>(std::floor(share)) + 1);
  while (reserved(most) > memory) most -= Bytes(1);  // what rounding leaves: a byte or two
  return most;
}

namespace {

// From ZeRO 2 on gradients are reduced in every backward, and nothing is left for the end of a step.
void check_reduction(const Training& training, const Parallelism& parallelism) {
  if (parallelism.zero_stage < 2) return;
  const auto refuse = [&](bool asked, const char* key) {
    if (asked)
      throw Error(key, fmt::format("with zero_stage {}, which reduces gradients in every backward; expected "
                                   "no such key",
                                   parallelism.zero_stage));
  };
  refuse(training.gradient_bucket > Bytes(0), "/training/gradient_bucket");
  refuse(training.overlap_gradients, "/training/overlap_gradients");
}

}  // namespace

ModelRun make_run(const ModelInput& input, const Parallelism& parallelism, const RunShape& shape) {
  check_reduction(input.training, parallelism);
  Parallelism resolved = parallelism;
  resolved.pipeline = shape.ranks;
  check_fits(resolved, input.cluster);
  return {input.cluster,
          resolved,
          input.training,
          shape,
          make_stage_layout(input.model, resolved, shape),
          make_run_groups(input.cluster, resolved)};
}

Workload make_workload(const ModelInput& input, const Parallelism& parallelism, const RunShape& shape) {
  check_recompute(parallelism, shape);
  const ModelRun run = make_run(input, parallelism, shape);
  const GpuClock clock(input.cluster.gpu, product_dtype(input.model));
  Workload workload = std::visit([&run](const auto& model) { return make_kind(run, model); }, input.model);
  settle_recompute(workload, shape.recompute_ahead);
  if (shape.slices > 1) cut_into_slices(workload, shape.slices);
  add_steps(workload, shape);
  const Parallelism& used = run.parallelism;
  const std::uint64_t gpus = std::uint64_t{used.tensor} * used.pipeline * used.replicas();
  workload.gpus = gpus;
  workload.gpu_memory = input.cluster.gpu.memory;
  workload.runtime_memory = input.cluster.gpu.runtime_memory;
  workload.allocator_margin = input.cluster.software.allocator_margin;
  workload.peak_flops = clock.peak() * static_cast<double>(gpus);
  return workload;
}

}  // namespace ppsim
