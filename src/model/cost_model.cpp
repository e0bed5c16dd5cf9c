// Time of a stage's passes. A product's backward is two products of the same size: the gradient of its input
// and the gradient of its weights; of the attention core (scores, context), which has no weights, both are
// gradients of inputs.
//
// Tensor parallelism (Shoeybi et al. 2019): each layer has two all-reduces of the hidden states forward and
// two backward. With sequence parallelism an all-gather and a reduce-scatter stand in place of each, which is
// what a ring all-reduce is made of: the same time. The vocabulary-parallel embedding adds one all-reduce
// forward, the head one backward, of its input's gradient; what the loss exchanges is small (one number a
// token) and left out.
#include "cost_model.hpp"

namespace ppsim {

namespace {

bool is_recomputed(Recompute recompute, const Product& product) {
  switch (recompute) {
    case Recompute::None:
      return false;
    case Recompute::Selective:
      return !product.has_weights;
    case Recompute::Full:
      return true;
  }
  return false;
}

void add_product(StageTimes& sum, const Product& product, Seconds forward, bool recomputed) {
  sum.forward += forward;
  sum.backward += (recomputed ? 3 : 2) * forward;
  if (product.has_weights) sum.weight_grad += forward;
}

void add_comm(StageTimes& sum, Seconds forward, Seconds backward) {
  sum.forward += forward;
  sum.forward_comm += forward;
  sum.backward += backward;
  sum.backward_comm += backward;
}

Flops forward_flops(const Transformer& model, const Pass& pass) {
  return total_flops(layer_products(model, 1, pass)) * model.layers + head_product(model, 1, pass).flops;
}

}  // namespace

Pass full_pass(const ModelRun& run, const Transformer& model) {
  const double tokens = model.sequence_length;
  return {static_cast<double>(run.parallelism.micro_batch_size), tokens, tokens};
}

Bytes hidden_bytes(const ModelRun& run, const Transformer& model, double tokens) {
  const double elements = run.parallelism.micro_batch_size * tokens * model.hidden;
  return to_bytes(elements * static_cast<double>(element_size(model.dtype).count()));
}

StageTimes stage_times(const ModelRun& run, const Transformer& model, const StagePlace& place) {
  const ProductClock clock(run.cluster.gpu, model.dtype);
  const std::uint32_t tensor = run.parallelism.tensor;
  const Recompute recompute = run.parallelism.recompute;
  const Pass pass = full_pass(run, model);
  const double layers = place.layers.count;
  const Seconds all_reduce = run.tensor_all_reduce(hidden_bytes(run, model, pass.tokens));

  StageTimes sum;
  for (const Product& product : layer_products(model, tensor, pass))
    add_product(sum, product, layers * clock.time(product.flops), is_recomputed(recompute, product));
  add_comm(sum, 2 * layers * all_reduce, (recompute == Recompute::Full ? 4 : 2) * layers * all_reduce);
  if (place.embedding) add_comm(sum, all_reduce, Seconds(0));
  if (place.head) {
    // Never recomputed: its backward follows its forward at once.
    const Product head = head_product(model, tensor, pass);
    add_product(sum, head, clock.time(head.flops), false);
    add_comm(sum, Seconds(0), all_reduce);
  }
  return sum;
}

Flops model_flops(const ModelRun& run, const Transformer& model) {
  const double passes = static_cast<double>(run.parallelism.micro_batches) * run.parallelism.data;
  const Flops forward = forward_flops(model, full_pass(run, model));
  if (!run.inference()) return 3.0 * forward * passes;
  Flops sum = forward;
  for (std::uint32_t step = 1; step <= *run.shape.decode_steps; ++step)
    sum += forward_flops(model, {static_cast<double>(run.parallelism.micro_batch_size), 1,
                                 static_cast<double>(model.sequence_length) + step});
  return sum * passes;
}

}  // namespace ppsim
