// Activations: sums over the tensors that operators keep (Korthikanti et al. 2022, section 4). With 2-byte
// elements, an MLP of 4h and as many KV heads as heads the sums are theirs (b samples, s tokens, a heads,
// tensor size t):
//   none                          s b h (10 + 24/t + 5 a s / (h t))
//   none, sequence parallel       s b h / t (34 + 5 a s / h)
//   selective                     the same without 5 a s / h, the attention core
//   full                          2 s b h, or 2 s b h / t
//
// What W needs when I has ended (Qi et al. 2024, section 2 and appendix, count 32 s b h a layer at t = 1): of
// each product with weights the input, kept since F, and the gradient of its output, which I has made in
// memory that it no longer needed. All else goes at the end of I. With recomputation I makes the inputs
// again; what that takes beyond the bytes kept since F is not counted.
//
// ZeRO (Rajbhandari et al. 2020, section 5): stage 1 shares the optimizer state out among the N GPUs that
// hold copies of a weight, stage 2 the gradients too, stage 3 the weights too.
#include "model/costs/memory_model.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "model/costs/gpu_clock.hpp"

namespace ppsim {

namespace {

// Backward through the operators, last first: what has been passed is free. The gradient of the hidden states
// stands beside each; where it is that of the operator's own output it counts twice: an upper bound. A
// backward that recomputes makes the activations of one layer at a time. R has made those of all layers
// before the backward begins: they count as kept (StageCosts::recomputed), and not here.
double working_of(const Operators& operators, double hidden, bool recompute_ahead) {
  double held = 0;  // beside what is kept at the start
  for (const Operator& op : operators) held += recompute_ahead ? 0 : op.recomputed_activation;
  double most = held;
  for (auto op = operators.rbegin(); op != operators.rend(); ++op) {
    most = std::max(most, held + op->gradients + hidden);
    held -= op->activation + op->recomputed_activation;
  }
  return most;
}

double share_of_bytes(double bytes, bool shared, double copies) {
  return shared ? bytes / copies : bytes;
}

}  // namespace

ActivationMemory activation_of(const Operators& operators) {
  ActivationMemory sum;
  for (const Operator& op : operators) {
    sum.kept += op.activation;
    sum.kept_for_weights += op.kept_for_weights;
    sum.recomputed += op.recomputed_activation;
  }
  return sum;
}

ActivationMemory activation_of(std::span<const StagePart> parts) {
  ActivationMemory sum;
  for (const StagePart& part : parts) {
    const ActivationMemory one = activation_of(part.operators);
    sum.kept += part.times() * one.kept;
    sum.kept_for_weights += part.times() * one.kept_for_weights;
    sum.recomputed += part.times() * one.recomputed;
  }
  return sum;
}

// The head's backward ends, and frees what it kept, before a layer's begins; of the layers the first one to
// go backward sees the most.
double working_memory(const ModelRun& run, const Transformer& model, std::span<const StagePart> parts) {
  const LayerSizes sizes(run, model, full_pass(run, model));
  const double hidden = sizes.rows * sizes.hidden / sizes.sequence * sizes.element;
  double most = 0;
  double freed = 0;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    most = std::max(most, working_of(part->operators, hidden, run.shape.recompute_ahead) - freed);
    if (part->layers == 0) freed += activation_of(part->operators).kept;
  }
  return most;
}

double placeholder_memory(const Transformer& model, std::span<const StagePart> parts) {
  std::set<std::pair<double, double>> shapes;
  for (const StagePart& part : parts)
    for (const Operator& op : part.operators)
      for (const Product& product : op.weight_grad) shapes.emplace(product.m, product.n);
  double elements = 0;
  for (const auto& [inputs, outputs] : shapes) elements += inputs * outputs;
  return elements * element_bytes(model.dtype);
}

StageParameters parameters_of(std::span<const StagePart> parts) {
  StageParameters sum;
  for (const StagePart& part : parts) {
    for (const Operator& op : part.operators) {
      const double parameters = part.times() * op.parameters;
      (op.routed_expert ? sum.routed : sum.dense) += parameters;
      if (op.forward.begin() != op.forward.end()) sum.multiplied += parameters;
    }
  }
  return sum;
}

Copies copies_of(const Parallelism& parallelism) {
  const double gpus = static_cast<double>(parallelism.tensor) * parallelism.replicas();
  return {static_cast<double>(parallelism.replicas()),
          gpus / (static_cast<double>(parallelism.expert) * parallelism.tensor_of_expert())};
}

ParameterBytes parameter_bytes(const ModelRun& run, Dtype dtype) {
  const double weights = element_bytes(dtype);
  if (run.inference()) return {weights, 0, 0};
  const Training& training = run.training;
  const bool master = training.master_dtype && *training.master_dtype != dtype;
  return {weights, element_bytes(training.gradient_dtype),
          (master ? element_bytes(*training.master_dtype) : 0) + 2 * element_bytes(training.moment_dtype)};
}

double quantized_bytes(const ModelRun& run, const Transformer& model) {
  if (model.product_dtype() == model.dtype) return 0;
  return (run.inference() ? 1 : 2) * element_bytes(model.product_dtype());
}

void set_static_memory(StageCosts& stage, const ModelRun& run, Dtype dtype,
                       const StageParameters& parameters) {
  const ParameterBytes each = parameter_bytes(run, dtype);
  const Copies copies = copies_of(run.parallelism);
  const auto bytes = [&](double one, std::uint32_t from_stage) {
    const bool shared = run.parallelism.zero_stage >= from_stage;
    return to_bytes(share_of_bytes(parameters.dense * one, shared, copies.dense) +
                    share_of_bytes(parameters.routed * one, shared, copies.routed));
  };
  stage.weights = bytes(each.weights, 3);
  stage.gradients = bytes(each.gradients, 2);
  stage.optimizer = bytes(each.optimizer, 1);
}

// Adam reads a gradient, reads and writes its state, and writes the weight.
Time optimizer_time(const ModelRun& run, Dtype dtype, const StageParameters& parameters) {
  const ParameterBytes each = parameter_bytes(run, dtype);
  const Copies copies = copies_of(run.parallelism);
  const bool shared = run.parallelism.zero_stage >= 1;
  const double updated = share_of_bytes(parameters.dense, shared, copies.dense) +
                         share_of_bytes(parameters.routed, shared, copies.routed);
  const double bytes = updated * (each.gradients + 2 * each.optimizer + each.weights);
  return to_stage_time(GpuClock(run.cluster.gpu, dtype).optimizer_time(bytes)) +
         run.cluster.software.step_overhead;
}

}  // namespace ppsim
