#include "model/layers/operator_list.hpp"

#include <cmath>
#include <utility>

namespace ppsim {

LayerSizes::LayerSizes(const ModelRun& run, const Transformer& model, const Pass& pass)
    : samples(pass.samples),
      heads(model.heads),
      tokens(pass.tokens / run.parallelism.context),
      context(pass.context),
      token_step(pass.tokens < pass.context),
      rows(samples * tokens),
      hidden(model.hidden),
      tensor(run.parallelism.tensor),
      sequence(run.sequence_split()),
      element(element_bytes(model.dtype)),
      factor(element_bytes(model.product_dtype())),
      gradient_sum(2 * element_bytes(run.training.gradient_dtype)) {}

Flops Operator::forward_flops() const {
  Flops sum;
  for (const Product& product : forward) sum += product.flops();
  return sum;
}

Operator& OperatorList::begin(std::string_view name, Part part) {
  part_ = part;
  Operator& op = operators_.emplace_back();
  op.name = name;
  op.attention_core = part == Part::Core;
  switch (run_.parallelism.recompute) {
    case Recompute::None:
      break;
    case Recompute::Selective:
      op.recomputed = part == Part::Core;
      break;
    case Recompute::Full:
      op.recomputed = part != Part::End;
      break;
  }
  return op;
}

void OperatorList::weights(double outputs, double inputs, bool gathered, double share, double count) {
  const double m = sizes_.rows * share / count;
  const double e = sizes_.element;
  Product product{.m = m, .n = outputs, .k = inputs, .count = count};
  product.input_bytes = sizes_.factor;
  product.output_bytes = e;
  product.routed = last().routed_expert;
  last().forward.add(product);
  std::swap(product.n, product.k);
  last().input_grad.add(product);
  last().weight_grad.add({.m = inputs,
                          .n = outputs,
                          .k = m,
                          .count = count,
                          .input_bytes = sizes_.factor,
                          .output_bytes = sizes_.gradient_sum,
                          .routed = product.routed});
  // Copies in the type of products, for the two products that read each.
  if (sizes_.factor != e) {
    const double moved = 1 + 2 * sizes_.factor / e;
    traffic(KernelKind::Quantize, moved * inputs, moved * outputs, share);
  }
  gradients(outputs + inputs + (gathered && sizes_.sequence > 1 ? inputs : 0), share);
}

bool OperatorList::is_kept(Keep keep) const {
  if (part_ == Part::End) return true;
  switch (run_.parallelism.recompute) {
    case Recompute::None:
      return true;
    case Recompute::Selective:
      return keep != Keep::Core;
    case Recompute::Full:
      return keep == Keep::Always;
  }
  return true;
}

void OperatorList::keep(double elements, double bytes, Keep keep, double share) {
  const double size = sizes_.rows * share * elements * bytes;
  (is_kept(keep) ? last().activation : last().recomputed_activation) += size;
}

void OperatorList::keep_weight_input(double elements, double share) {
  keep(elements, sizes_.factor, Keep::Layer, share);
  last().kept_for_weights += sizes_.rows * share * elements * sizes_.factor;
}

void OperatorList::weight_output(double elements, double share) {
  last().kept_for_weights += sizes_.rows * share * elements * sizes_.factor;
}

bool LayerSizes::fused_softmax_fits() const {
  return std::fmod(samples * heads / tensor, 4) == 0;
}

KernelFactors OperatorList::factors_of(KernelKind kind) const {
  const Training& training = run_.training;
  if (kind == KernelKind::Softmax && training.unfused_softmax && !sizes_.fused_softmax_fits())
    return *training.unfused_softmax;
  return training.kernels[static_cast<std::size_t>(kind)];
}

void OperatorList::traffic(KernelKind kind, double forward, double backward, double share) {
  const KernelFactors factors = factors_of(kind);
  const double size = sizes_.rows * share * sizes_.element * factors.bytes;
  last().forward_traffic.bytes += size * forward;
  last().backward_traffic.bytes += size * backward;
  last().forward_traffic.kernels += factors.kernels;
  last().backward_traffic.kernels += factors.kernels;
}

void OperatorList::dropout(double elements, Keep keep_mask) {
  if (!model_.dropout) return;
  keep(elements, 1, keep_mask);
  // It reads and writes every number, and its mask.
  const double moved = 2 + 1 / sizes_.element;
  traffic(KernelKind::Dropout, moved * elements, moved * elements);
}

void OperatorList::gradients(double elements, double share) {
  last().gradients += sizes_.rows * share * elements * sizes_.element;
}

}  // namespace ppsim
